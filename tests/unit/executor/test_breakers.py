from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.executor.logic import breakers
from services.executor.logic.breakers import COOLDOWN_MS, DAY_MS, BreakerLimits, BreakerState
from shared.domain.units import Usd
from shared.risk.gate import RefusedReason

LIMITS = BreakerLimits(daily_loss=Decimal("0.05"), drawdown=Decimal("0.2"), streak=3)
NOON = 20_000 * DAY_MS + DAY_MS // 2


def usd(value: str | int) -> Usd:
    return Usd(Decimal(value))


def refused(state: BreakerState, equity: str | int, now_ms: int = NOON) -> RefusedReason | None:
    got = breakers.refusal(breakers.judge(state, usd(equity), now_ms, LIMITS))
    return None if got is None else got.reason


def test_the_days_loss_counts_open_pnl_against_the_days_opening() -> None:
    state = breakers.begin(usd(1000), NOON)
    assert refused(state, "950.01") is None
    assert refused(state, 950) is RefusedReason.DAILY_LOSS


def test_a_new_day_opens_with_what_is_there() -> None:
    state = breakers.observe(breakers.begin(usd(1000), NOON), usd(950), NOON + DAY_MS)
    assert state.day_opening == 950
    assert refused(state, 920, NOON + DAY_MS) is None
    assert refused(state, 902, NOON + DAY_MS) is RefusedReason.DAILY_LOSS


def test_time_that_runs_back_opens_no_day() -> None:
    state = breakers.begin(usd(1000), NOON)
    assert breakers.observe(state, usd(900), NOON - 2 * DAY_MS).day_opening == 1000


def test_the_drawdown_is_from_the_peak_over_days() -> None:
    state = breakers.begin(usd(1000), NOON)
    for day, equity in enumerate((1200, 1160, 1110, 1060, 1010), 1):
        state = breakers.observe(state, usd(equity), NOON + day * DAY_MS)
    assert state.peak == 1200
    assert refused(state, 961, NOON + 5 * DAY_MS) is None
    assert refused(state, 960, NOON + 5 * DAY_MS) is RefusedReason.DRAWDOWN
    assert refused(breakers.reset(state, usd(960)), 960, NOON + 5 * DAY_MS) is None


def test_losses_in_a_row_pause_entries_for_a_while() -> None:
    state = breakers.begin(usd(1000), NOON)
    for name, net in (("a", -1), ("b", -1), ("c", 2), ("d", -1), ("e", -1)):
        state = breakers.closed(state, name, usd(net), NOON, LIMITS)
    assert refused(state, 1000) is None
    state = breakers.closed(state, "f", usd(-1), NOON, LIMITS)
    assert refused(state, 1000) is RefusedReason.LOSS_STREAK
    assert refused(state, 1000, NOON + COOLDOWN_MS - 1) is RefusedReason.LOSS_STREAK
    assert refused(state, 1000, NOON + COOLDOWN_MS) is None


def test_a_trade_that_is_told_again_counts_once() -> None:
    state = breakers.begin(usd(1000), NOON)
    for _ in range(5):
        state = breakers.closed(state, "a", usd(-1), NOON, LIMITS)
    assert state.losses == 1


def test_money_paid_out_is_no_loss() -> None:
    state = breakers.transfer(breakers.begin(usd(1000), NOON), usd(-400))
    assert refused(state, 600) is None


@given(st.lists(st.integers(500, 1500), min_size=1, max_size=30))
def test_entries_are_refused_whenever_a_share_is_lost_and_only_then(equities: list[int]) -> None:
    state = breakers.begin(usd(1000), NOON)
    peak = 1000
    for equity in equities:
        state = breakers.observe(state, usd(equity), NOON)
        peak = max(peak, equity)
        lost = Decimal(1000 - equity) / 1000 >= LIMITS.daily_loss or Decimal(peak - equity) / peak >= LIMITS.drawdown
        assert (refused(state, equity) is not None) == lost
