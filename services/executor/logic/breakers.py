"""The account's breakers: daily loss, drawdown, loss streak. New entries only; exits and protection go on.

State in, state out. Equity is wallet plus open PnL; days are UTC days of venue time.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from shared.domain.units import Usd
from shared.risk.gate import Refused, RefusedReason

DAY_MS = 86_400_000
COOLDOWN_MS = 3_600_000
"""How long entries pause after a streak of losses."""
_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Shares of the day's opening equity and of the peak; losses in a row."""

    daily_loss: Decimal
    drawdown: Decimal
    streak: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """What the account and the day began with, the peak, and the losses since the last win.

    `counted` holds the last positions whose result is in `losses`, so that telling one twice counts once.
    """

    day: int
    day_opening: Usd
    peak: Usd
    losses: int = 0
    pause_until_ms: int = 0
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker as it stands: `current` against `limit`, in shares or in losses."""

    reason: RefusedReason
    current: Decimal
    limit: Decimal
    tripped: bool
    until_ms: int | None = None


def begin(equity: Usd, now_ms: int) -> BreakerState:
    """The first look at an account."""
    return BreakerState(day=now_ms // DAY_MS, day_opening=equity, peak=equity)


def observe(state: BreakerState, equity: Usd, now_ms: int) -> BreakerState:
    """The state after equity was read: a new day opens with it, a new peak is kept. Time that runs back changes no day."""
    today = now_ms // DAY_MS
    if today > state.day:
        state = replace(state, day=today, day_opening=equity)
    return replace(state, peak=max(state.peak, equity))


def transfer(state: BreakerState, amount: Usd) -> BreakerState:
    """Money that was paid in (or out, negative) is neither profit nor loss."""
    return replace(state, day_opening=Usd(state.day_opening + amount), peak=Usd(state.peak + amount))


def closed(state: BreakerState, position_id: str, net: Usd, closed_ms: int, limits: BreakerLimits) -> BreakerState:
    """The state after a trade ended; one that is told again changes nothing."""
    if position_id in state.counted:
        return state
    state = replace(state, counted=(*state.counted, position_id)[-_REMEMBERED:])
    if net >= 0:
        return replace(state, losses=0)
    losses = state.losses + 1
    if losses < limits.streak:
        return replace(state, losses=losses)
    return replace(state, losses=0, pause_until_ms=closed_ms + COOLDOWN_MS)


def reset(state: BreakerState, equity: Usd) -> BreakerState:
    """A person starts anew after a look: the peak is now, the streak is over. The day's loss stays what it is."""
    return replace(state, peak=equity, losses=0, pause_until_ms=0)


def judge(state: BreakerState, equity: Usd, now_ms: int, limits: BreakerLimits) -> tuple[Breaker, ...]:
    """All breakers, in the order in which they refuse."""
    day = _share(state.day_opening - equity, state.day_opening)
    down = _share(state.peak - equity, state.peak)
    paused = now_ms < state.pause_until_ms
    next_day_ms = (state.day + 1) * DAY_MS
    lost = Decimal(limits.streak if paused else state.losses)
    return (
        Breaker(RefusedReason.DAILY_LOSS, day, limits.daily_loss, day >= limits.daily_loss, next_day_ms),
        Breaker(RefusedReason.DRAWDOWN, down, limits.drawdown, down >= limits.drawdown),
        Breaker(RefusedReason.LOSS_STREAK, lost, Decimal(limits.streak), paused, state.pause_until_ms if paused else None),
    )


def refusal(breakers: tuple[Breaker, ...]) -> Refused | None:
    """The first breaker that forbids entries."""
    for breaker in breakers:
        if breaker.tripped:
            until = "" if breaker.until_ms is None else f" until {breaker.until_ms}"
            return Refused(breaker.reason, f"{breaker.current:.4f} of {breaker.limit}{until}")
    return None


def _share(loss: Decimal, of: Decimal) -> Decimal:
    """A loss as a share; all of it when there was nothing to begin with and less now."""
    if of <= 0:
        return Decimal(1) if loss > 0 else Decimal(0)
    return max(Decimal(0), loss / of)
