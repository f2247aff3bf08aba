from decimal import Decimal

import pytest

from shared.domain import errors
from shared.domain.order import Direction, PositionSide
from shared.domain.position import AccountView, VenuePosition
from shared.domain.units import Price, Usd

D = Decimal


def classes() -> list[type[errors.MrasterError]]:
    return [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.MrasterError)]


def test_codes_are_slugs_and_none_is_used_twice() -> None:
    codes = [cls.code for cls in classes()]
    assert len(set(codes)) == len(codes) > 15
    assert all(code.replace("_", "").isalpha() and code.islower() for code in codes)


def test_every_class_has_one_verdict() -> None:
    verdicts = (errors.Transient, errors.Permanent, errors.OutcomeUnknown, errors.Fatal)
    for cls in classes():
        if cls is not errors.MrasterError:
            assert sum(issubclass(cls, verdict) for verdict in verdicts) == 1, cls
        assert cls.__name__ in (errors.__doc__ or ""), "the tree at the top is complete"


def test_what_errors_carry() -> None:
    assert errors.RateLimited("wait", retry_after_s=2.5).retry_after_s == 2.5
    assert errors.Transient("x").retry_after_s == 0
    assert errors.OrderRejected("no", venue_code=-2019).venue_code == -2019
    assert errors.OutcomeUnknown("?", client_id="mr-x").client_id == "mr-x"
    special = errors.Permanent("x", code="other")
    assert (special.code, errors.Permanent.code) == ("other", "permanent")


@pytest.mark.parametrize(("amount", "direction"), [("0.5", Direction.LONG), ("-0.5", Direction.SHORT)])
def test_a_position_is_signed(amount: str, direction: Direction) -> None:
    position = VenuePosition(
        symbol="BTCUSDT",
        amount=D(amount),
        entry_price=Price(D(1)),
        mark_price=Price(D(1)),
        unrealised=Usd(D(0)),
        liquidation_price=None,
        leverage=None,
        isolated=None,
        position_side=PositionSide.BOTH,
        update_ms=0,
    )
    assert (position.direction, position.quantity) == (direction, D("0.5"))


def test_equity_counts_open_profit() -> None:
    zero = Usd(D(0))
    view = AccountView(
        wallet=Usd(D(100)), unrealised=Usd(D("-7.5")), available=zero, initial_margin=zero, maintenance_margin=zero, update_ms=0
    )
    assert view.equity == D("92.5")
