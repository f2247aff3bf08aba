"""Declarations: what a section accepts, shows and says about itself."""

from decimal import Decimal

import pytest
from pydantic import SecretStr, ValidationError

from shared.config.kinds import is_loopback, shown_url
from shared.config.knob import LIVE, RESTART, Section, knob
from shared.config.registry import DECLARED, Kind
from shared.config.sections.infra import Infra
from shared.config.sections.risk import Risk


class Sample(Section):
    share: Decimal = knob("0.5", env="X_SHARE", gt=0, lt=1, unit="of all", applies=LIVE)
    """A share."""
    count: int = knob(1, env="X_COUNT", ge=1, le=9, description="Said by the argument.")
    """Not this."""
    later: bool = knob("true", env="X_LATER", awaits="the moon")
    """A switch."""
    code: SecretStr = knob("", env="X_CODE")
    """A secret."""


def test_defaults_are_parsed() -> None:
    sample = Sample()
    assert (sample.share, sample.count, sample.later) == (Decimal("0.5"), 1, True)


def test_what_the_declaration_says() -> None:
    knobs = Sample.knobs()
    assert list(knobs) == ["share", "count", "later", "code"]
    assert (knobs["share"].unit, knobs["share"].applies, knobs["count"].applies) == ("of all", LIVE, RESTART)
    assert knobs["later"].awaits == "the moon"
    assert Sample.model_fields["share"].description == "A share."
    assert Sample.model_fields["count"].description == "Said by the argument."
    assert [name for name in knobs if Sample.is_secret(name)] == ["code"]


@pytest.mark.parametrize("share", ["0", "1", "-0.1", Decimal(2), "NaN", "Infinity"])
def test_bounds_hold_for_values_built_by_hand(share: object) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"share": share})


@pytest.mark.parametrize("values", [{"count": 10}, {"count": 0}, {"other": 1}])
def test_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate(values)


def test_the_schema_carries_name_and_unit() -> None:
    properties = Sample.model_json_schema()["properties"]
    assert (properties["share"]["env"], properties["share"]["unit"]) == ("X_SHARE", "of all")
    assert "unit" not in properties["count"]


def test_a_field_without_a_declaration_is_a_mistake() -> None:
    class Bare(Section):
        value: int = 1

    with pytest.raises(TypeError, match=r"Bare\.value must be declared"):
        Bare.knobs()


def test_typed_values_are_accepted() -> None:
    risk = Risk(per_trade=Decimal("0.01"), leverage="max")
    assert (risk.per_trade, risk.leverage_cap) == (Decimal("0.01"), 125)


def test_sections_can_be_compared_hashed_and_copied() -> None:
    assert Risk() == Risk()
    assert hash(Risk()) == hash(Risk())
    assert Infra().model_copy(update={"redis_url": "redis://:pw@h"}).redis_url == "redis://:pw@h"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nats://u:p@a:1,nats://u:p@q@b:2", "nats://***@a:1,nats://***@b:2"),
        ("https://host/path", "https://host/path"),
        ("https://host/path@x", "https://host/path@x"),
        ("https://host/?token=1", "https://host/?***"),
        ("unix://:pw@/run/redis.sock?db=1", "unix://***@/run/redis.sock?***"),
    ],
)
def test_addresses_are_shown_without_passwords(text: str, shown: str) -> None:
    assert shown_url(text) == shown


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("0.0.0.0", False), ("10.0.0.1", False), ("localhost.example.org", False)],
)
def test_loopback(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_every_kind_is_recognised() -> None:
    kinds = {name: DECLARED[name].kind for name in DECLARED}
    assert kinds["ASTER_LEVERAGE"] is Kind.INTEGER
    assert kinds["ASTER_AI_DAILY_BUDGET_USD"] is Kind.DECIMAL
    assert kinds["ASTER_PAPER_REPLAY"] is Kind.PATH
    assert kinds["ASTER_INCLUDE_SYMBOLS"] is Kind.LIST
    assert kinds["ASTER_NATS_URL"] is Kind.ADDRESS
    assert kinds["ASTER_API_KEY"] is Kind.SECRET
    assert kinds["ASTER_ACCOUNT"] is Kind.TEXT
    assert set(kinds.values()) == set(Kind)
