"""LLM spend of a UTC day: reserve the worst case, then book the truth. The limit holds under any interleaving."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from shared.domain.errors import StateCorrupt
from shared.state.link import RedisPart
from shared.state.port import BudgetAnswer, ReserveOutcome
from shared.state.store import DayTotals, MemoryPart, Reservation

KEEP_S = 40 * 86_400
"""How long a day and its reservations are kept."""

_BATCH = 500
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MOST = 2**53
"""Lua counts in doubles: whole numbers are exact up to here (nine billion USD in micro-USD)."""


def whole(name: str, value_uusd: int) -> int:
    """An amount that the scripts can count.

    Raises:
        ValueError: it is negative or too large.
    """
    if not 0 <= value_uusd < _MOST:
        raise ValueError(f"{name}: expected 0 to 2^53 micro-USD, got {value_uusd}")
    return value_uusd


def _day_number(day: str) -> int:
    """Days since 1970-01-01 of a `yyyy-mm-dd` text; ValueError when it is none."""
    parsed = date.fromisoformat(day)
    if parsed.isoformat() != day:
        raise ValueError(f"expected a day as yyyy-mm-dd, got {day!r}")
    return parsed.toordinal() - _EPOCH_DAY


class RedisBudget(RedisPart):
    """The budget in Redis; its clock decides the day."""

    async def budget_reserve(self, reservation_id: str, *, day: str, limit_uusd: int, amount_uusd: int, ttl_ms: int) -> BudgetAnswer:
        """See `State.budget_reserve`."""
        keys = (self._keys.budget(day), self._keys.reservation(reservation_id), self._keys.open_reservations)
        amounts = (whole("limit", limit_uusd), whole("amount", amount_uusd))
        return _answer(await self._link.script("budget_reserve", keys, reservation_id, day, _day_number(day), *amounts, ttl_ms, KEEP_S))

    async def budget_settle(self, reservation_id: str, *, actual_uusd: int) -> BudgetAnswer:
        """See `State.budget_settle`."""
        keys = (self._keys.reservation(reservation_id), self._keys.open_reservations)
        actual = whole("actual", actual_uusd)
        return _answer(await self._link.script("budget_settle", keys, reservation_id, actual, self._keys.budget("")))

    async def budget_expire(self) -> int:
        """See `State.budget_expire`."""
        keys, prefixes = (self._keys.open_reservations,), (self._keys.reservation(""), self._keys.budget(""))
        booked = 0
        while True:
            count = int(await self._link.script("budget_expire", keys, *prefixes, _BATCH))
            booked += count
            if count < _BATCH:
                return booked

    async def budget_totals(self, day: str) -> tuple[int, int]:
        """See `State.budget_totals`."""
        key = self._keys.budget(day)
        row = await self._link.call(lambda client: client.hmget(key, ["reserved", "spent"]))
        try:
            reserved, spent = (int(value or 0) for value in row)
        except ValueError as error:
            raise StateCorrupt(f"expected whole micro-USD in {key}: restore it") from error
        return reserved, spent


def _answer(row: Sequence[Any]) -> BudgetAnswer:
    try:
        outcome, reserved, spent = row
        return BudgetAnswer(ReserveOutcome(outcome), int(reserved), int(spent))
    except (ValueError, TypeError) as error:  # Redis cuts an answer off at the first thing that is no number
        raise StateCorrupt("expected whole micro-USD in the budget of the day: restore it") from error


class MemoryBudget(MemoryPart):
    """The budget in the memory store; its clock decides the day."""

    async def budget_reserve(self, reservation_id: str, *, day: str, limit_uusd: int, amount_uusd: int, ttl_ms: int) -> BudgetAnswer:
        """See `State.budget_reserve`."""
        self._store.check()
        key, now_ms = self._keys.reservation(reservation_id), self._store.clock.now_ms()
        wanted = whole("limit", limit_uusd) - whole("amount", amount_uusd)
        known = self._store.reservations.get(key)
        if known is not None:
            return self._answer(ReserveOutcome.REPLAYED if known.state == "open" else ReserveOutcome.CLOSED, day)
        if _day_number(day) != now_ms // 86_400_000:
            return self._answer(ReserveOutcome.WRONG_DAY, day)
        totals = self._totals(day)
        if totals.reserved_uusd + totals.spent_uusd > wanted:
            return self._answer(ReserveOutcome.DENIED, day)
        totals.reserved_uusd += amount_uusd
        self._store.reservations[key] = Reservation(day, amount_uusd, now_ms + ttl_ms)
        return self._answer(ReserveOutcome.OK, day)

    async def budget_settle(self, reservation_id: str, *, actual_uusd: int) -> BudgetAnswer:
        """See `State.budget_settle`."""
        self._store.check()
        whole("actual", actual_uusd)
        held = self._store.reservations.get(self._keys.reservation(reservation_id))
        if held is None:
            return BudgetAnswer(ReserveOutcome.UNKNOWN, 0, 0)
        if held.state == "settled":
            return self._answer(ReserveOutcome.REPLAYED, held.day)
        totals = self._totals(held.day)
        if held.state == "open":
            totals.reserved_uusd -= held.amount_uusd
        else:
            totals.spent_uusd -= held.amount_uusd
        totals.spent_uusd += actual_uusd
        held.state = "settled"
        return self._answer(ReserveOutcome.OK, held.day)

    async def budget_expire(self) -> int:
        """See `State.budget_expire`."""
        self._store.check()
        now_ms, prefix = self._store.clock.now_ms(), self._keys.reservation("")
        due = [
            held
            for key, held in self._store.reservations.items()
            if key.startswith(prefix) and held.state == "open" and held.expires_ms <= now_ms
        ]
        for held in due:
            held.state = "expired"
            totals = self._totals(held.day)
            totals.reserved_uusd -= held.amount_uusd
            totals.spent_uusd += held.amount_uusd
        return len(due)

    async def budget_totals(self, day: str) -> tuple[int, int]:
        """See `State.budget_totals`."""
        self._store.check()
        totals = self._totals(day)
        return totals.reserved_uusd, totals.spent_uusd

    def _totals(self, day: str) -> DayTotals:
        return self._store.budget.setdefault(self._keys.budget(day), DayTotals())

    def _answer(self, outcome: ReserveOutcome, day: str) -> BudgetAnswer:
        totals = self._totals(day)
        return BudgetAnswer(outcome, totals.reserved_uusd, totals.spent_uusd)
