"""Golden messages, growth within v1, junk."""

import json
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.contracts.envelope import Payload, decode
from shared.contracts.market import CandleClosed
from shared.contracts.registry import MODELS, PAYLOADS
from shared.domain.errors import ContractViolation
from tests.fakes.samples import CLOSE_MS, DECISION, GOLDEN, SAMPLES, message, sample

NAMES = list(MODELS)


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")


def read(name: str) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(golden(name))
    return raw


def test_there_is_one_sample_and_one_golden_file_for_each_topic() -> None:
    assert set(SAMPLES) == set(NAMES) == {path.stem for path in GOLDEN.glob("*.json")}
    assert len(PAYLOADS) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_message_is_the_golden_one_byte_for_byte(name: str) -> None:
    assert message(name) == golden(name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_read_back(name: str) -> None:
    payload, meta = decode(golden(name), MODELS, subject="s", sequence=4, attempt=2)
    assert payload == sample(name)
    assert (meta.id, meta.type) == (payload.message_id(), name)
    assert (meta.ts_ms, meta.produced_ms, meta.decision_id, meta.account, meta.epoch) == (CLOSE_MS, CLOSE_MS + 21, DECISION, "main", 3)
    assert (meta.subject, meta.sequence, meta.attempt) == ("s", 4, 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_fills_every_field(name: str) -> None:
    empty = [field for field, value in sample(name).model_dump().items() if value is None or value in ("", {}, ())]
    assert empty == []


@pytest.mark.parametrize("name", NAMES)
def test_keys_that_are_not_known_are_ignored(name: str) -> None:
    raw = read(name)
    raw["later"] = {"a": 1}
    raw["data"] = {"later": [1, 2], **raw["data"]}
    for value in raw["data"].values():
        if isinstance(value, dict) and name == "order":
            value["later"] = "x"
    payload, _ = decode(orjson.dumps(raw), MODELS)
    assert payload == sample(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_required_may_not_be_missing(name: str) -> None:
    required = [field for field, info in MODELS[name].model_fields.items() if info.is_required()]
    for field in required:
        raw = read(name)
        del raw["data"][field]
        with pytest.raises(ContractViolation, match=field):
            decode(orjson.dumps(raw), MODELS)
    for field in read(name):
        raw = read(name)
        del raw[field]
        with pytest.raises(ContractViolation):
            decode(orjson.dumps(raw), MODELS)


@pytest.mark.parametrize("name", NAMES)
def test_what_has_a_default_may_be_missing(name: str) -> None:
    raw = read(name)
    for field, info in MODELS[name].model_fields.items():
        if not info.is_required():
            del raw["data"][field]
    payload, _ = decode(orjson.dumps(raw), MODELS)
    assert isinstance(payload, MODELS[name])


@pytest.mark.parametrize("name", NAMES)
def test_an_id_starts_with_its_topic_and_has_no_other_topics_prefix(name: str) -> None:
    message_id = sample(name).message_id()
    assert ":" not in name
    assert message_id.split(":", 1)[0] == name
    assert message_id == sample(name).message_id()
    assert len(message_id.encode()) < 500
    assert "\n" not in message_id


def test_kinds_that_share_a_stream_never_share_an_id() -> None:
    by_stream: dict[str, list[type[Payload]]] = {}
    for model in PAYLOADS:
        by_stream.setdefault(model.topic.stream.name if model.topic.stream else "core", []).append(model)
    assert max(len(models) for models in by_stream.values()) == 6, "AI has six kinds"
    for models in by_stream.values():
        # An id begins with the topic's name and a colon; names hold no colon, so no id of one can be an id of another.
        heads = [f"{model.topic.name}:" for model in models]
        assert len({head for head in heads if not any(head != other and other.startswith(head) for other in heads)}) == len(models)


@pytest.mark.parametrize("model", PAYLOADS, ids=lambda model: model.topic.name)
def test_events_of_one_subject_differ_by_what_the_identity_names(model: type[Payload]) -> None:
    payload = SAMPLES[model.topic.name]
    assert payload.identity()
    assert payload.model_copy().message_id() == payload.message_id()


def test_a_number_that_json_cannot_hold_is_refused_where_the_message_is_made() -> None:
    candle = sample("md.candle")
    assert isinstance(candle, CandleClosed)
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            CandleClosed.model_validate({**candle.model_dump(), "close": value})
    for name, field in (("signal.skip", "features"), ("plan", "policy"), ("plan", "raising")):
        with pytest.raises(ValidationError):
            MODELS[name].model_validate({**sample(name).model_dump(), field: {"x": float("nan")}})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_words_for_no_number_are_refused(name: str, bad: str) -> None:
    for field, info in MODELS[name].model_fields.items():
        if info.annotation in (float, int):
            raw = read(name)
            raw["data"][field] = bad
            with pytest.raises(ContractViolation, match=field):
                decode(orjson.dumps(raw), MODELS)


def test_models_are_frozen() -> None:
    for payload in SAMPLES.values():
        assert isinstance(payload, BaseModel)
        field = next(iter(type(payload).model_fields))
        with pytest.raises(ValidationError):
            setattr(payload, field, None)


def harmless(data: bytes) -> None:
    """Decoding gives a payload or ContractViolation, nothing else."""
    with suppress(ContractViolation):
        decode(data, MODELS)


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_junk_bytes_raise_nothing_else(data: bytes) -> None:
    with pytest.raises(ContractViolation):
        decode(data, MODELS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data(), st.sampled_from(NAMES), JSON)
@settings(max_examples=500)
def test_any_value_in_any_place_raises_nothing_else(data: st.DataObject, name: str, value: Any) -> None:
    raw = read(name)
    place = data.draw(st.sampled_from([*raw, *(f"data.{field}" for field in raw["data"])]))
    target, field = (raw["data"], place.removeprefix("data.")) if place.startswith("data.") else (raw, place)
    target[field] = value
    harmless(json.dumps(raw).encode())


@given(st.sampled_from(NAMES), st.integers(0, 2000), st.binary(max_size=3))
@settings(max_examples=300)
def test_a_damaged_message_raises_nothing_else(name: str, at: int, patch: bytes) -> None:
    data = golden(name)
    harmless(data[:at] + patch + data[at + len(patch) :])
    harmless(data[:at])


@pytest.mark.parametrize("data", [b"[" * 2000, b"{}", b"[]", b"null", b"7", b'""', b'{"type":[]}', b'{"type":"plan"}', b""])
def test_other_json_is_refused(data: bytes) -> None:
    with pytest.raises(ContractViolation):
        decode(data, MODELS)


def test_an_unknown_type_is_refused() -> None:
    raw = read("plan") | {"type": "plan.v9"}
    with pytest.raises(ContractViolation, match=r"plan\.v9"):
        decode(orjson.dumps(raw), MODELS, subject="plan.v1.X")


def test_the_error_does_not_repeat_the_data() -> None:
    for place in ("symbol", "verdict", "edge_r", "raising"):
        raw = read("plan")
        raw["data"][place] = ["planted-secret"]
        with pytest.raises(ContractViolation, match=place) as caught:
            decode(orjson.dumps(raw), MODELS)
        assert "planted" not in str(caught.value)
