"""Weights and order counts."""

import math

import pytest

from services.paper_exchange.limits import Limits
from services.paper_exchange.logic.reject import Reject
from tests.unit.paper_exchange.asgi import StillWall


def test_weight_runs_out_and_comes_back_with_the_minute() -> None:
    wall = StillWall()
    limits = Limits(wall, enabled=True, weight=10)
    assert [limits.charge_weight("a", 5, 1.0) for _ in range(2)] == [5, 10]
    assert limits.charge_weight("b", 5, 1.0) == 5
    with pytest.raises(Reject) as refused:
        limits.charge_weight("a", 1, 1.0)
    assert (refused.value.status, refused.value.code) == (429, -1003)
    assert dict(refused.value.headers)["retry-after"] == str((60_000 - wall.now_ms % 60_000 + 999) // 1000)
    wall.now_ms += 60_000
    assert limits.charge_weight("a", 1, 1.0) == 1


def test_whoever_goes_on_asking_is_banned_for_longer_each_time() -> None:
    wall = StillWall()
    limits = Limits(wall, enabled=True, weight=1)
    waits = []
    for _ in range(2):
        refused: Reject | None = None
        while refused is None or refused.status != 418:
            with pytest.raises(Reject) as caught:
                limits.charge_weight("a", 2, 1.0)
            refused = caught.value
        waits.append(int(dict(refused.headers)["retry-after"]))
        assert "banned until" in refused.msg
        wall.now_ms += waits[-1] * 1000
    assert waits == [120, 240]


def test_orders_per_ten_seconds_and_per_minute() -> None:
    wall = StillWall()
    limits = Limits(wall, enabled=True, orders=(6, 8))
    assert limits.charge_orders("k", 5, 1.0) == (5, 1)
    assert limits.charge_orders("k", 1, 1.0) == (6, 2)
    with pytest.raises(Reject, match="6 orders per TEN_SECONDS") as refused:
        limits.charge_orders("k", 1, 1.0)
    assert (refused.value.status, refused.value.code) == (429, -1015)
    wall.now_ms += 10_000
    assert limits.charge_orders("k", 0, 1.0)[0] == 0


@pytest.mark.parametrize(("speed", "used"), [(600.0, 1), (math.inf, 0), (0.0, 0)])
def test_a_fast_market_does_not_make_a_client_fast(speed: float, used: int) -> None:
    limits = Limits(StillWall(), enabled=True, weight=10)
    assert max(limits.charge_weight("a", 5, speed) for _ in range(100)) == used
