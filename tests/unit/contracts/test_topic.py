import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.registry import MODELS, PAYLOADS
from shared.contracts.topic import CANDLE, CONFIG_CHANGED, STREAMS, Topic, token
from shared.domain.errors import ContractViolation
from tests.fakes.samples import SAMPLES

TOPICS = [model.topic for model in PAYLOADS]


def matches(pattern: str, subject: str) -> bool:
    """Subject matching as NATS does it."""
    wanted, given_ = pattern.split("."), subject.split(".")
    for i, part in enumerate(wanted):
        if part == ">":
            return len(given_) > i
        if i >= len(given_) or part not in ("*", given_[i]):
            return False
    return len(wanted) == len(given_)


@pytest.mark.parametrize("text", ["BTCUSDT", "5m", "1000SHIBUSDT", "a" * 80, "mr-x_1", "BTC:USDT", "ü"])
def test_a_token_is_taken_as_it_is(text: str) -> None:
    assert token(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "a.b", "a b", "a*", ">", "a" * 81, "a\n", "\na", "a\tb", "a\u00a0b", "a\x00", "a\x1f", "a\x7f", "a\u2028b"]
)
def test_what_would_break_a_subject_is_refused(text: str) -> None:
    with pytest.raises(ContractViolation, match="subject token"):
        token(text)


@given(st.text(max_size=90))
def test_a_subject_has_exactly_the_tokens_it_was_given(text: str) -> None:
    try:
        subject = CANDLE.subject("5m", text)
    except ContractViolation:
        return
    assert subject.split(".") == ["md", "v1", "candle", "5m", text]
    assert subject.split() == [subject]


@pytest.mark.parametrize("tokens", [(), ("5m",), ("5m", "BTCUSDT", "x")])
def test_a_wrong_number_of_tokens_is_refused(tokens: tuple[str, ...]) -> None:
    with pytest.raises(ContractViolation, match="expected tokens"):
        CANDLE.subject(*tokens)


def test_a_topic_without_keys_is_one_subject() -> None:
    assert CONFIG_CHANGED.subject() == CONFIG_CHANGED.pattern == CONFIG_CHANGED.prefix == "config.v1.changed"


@pytest.mark.parametrize("name", MODELS)
def test_each_subject_fits_its_pattern_and_one_stream(name: str) -> None:
    payload = SAMPLES[name]
    subject, topic = payload.subject(), payload.topic
    assert matches(topic.pattern, subject)
    homes = [stream for stream in STREAMS if any(matches(wanted, subject) for wanted in stream.subjects)]
    assert homes == ([] if topic.stream is None else [topic.stream])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_no_two_topics_share_a_subject(topic: Topic) -> None:
    subject = SAMPLES[topic.name].subject()
    assert [other.name for other in TOPICS if matches(other.pattern, subject)] == [topic.name]


def test_streams_do_not_overlap_and_remember_ids_for_less_than_they_keep_them() -> None:
    names = [stream.name for stream in STREAMS]
    assert len(set(names)) == len(names)
    for stream in STREAMS:
        assert stream.max_age_s is None or stream.dedupe_s <= stream.max_age_s
        for other in STREAMS:
            if other is not stream:
                assert not set(stream.subjects) & set(other.subjects)
