"""One symbol at a time: what is wrong, whether it is time to act, what came of it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.bracket_guard.fast_tp import Held
from services.bracket_guard.logic.churn import Churn
from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.doubt import Doubts
from services.bracket_guard.logic.escalation import Attempts
from services.bracket_guard.logic.jobs import Job, JobKind, exit_job, jobs
from services.bracket_guard.logic.moves import Move
from services.bracket_guard.logic.naked import Gap, NakedTimes
from services.bracket_guard.moving import Moving
from services.bracket_guard.notebook import Notebook
from services.bracket_guard.plans import Plans
from services.bracket_guard.repairs import Done, Repairs, Result
from services.bracket_guard.telling import Telling
from shared.config.choices import UnownedPolicy
from shared.contracts.bracket import BracketEvent, BracketEventKind, StopRefusal
from shared.contracts.order import Leg
from shared.domain.order import VenueOrder
from shared.domain.position import VenuePosition
from shared.exchange.private import PrivateClient
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

_STOP_JOBS = {JobKind.STOP_MISSING, JobKind.STOP_WRONG}
_EXITS = {JobKind.BEYOND_STOP, JobKind.STOP_UNFILLED}
BLOCKED_TWICE = 2
NAKED_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)


class Checks:
    """Decides with `logic`, acts through `Repairs`. `again`: symbols that should be read once more to see that all is well."""

    def __init__(self, ctx: Context, private: PrivateClient, outbox: Outbox, plans: Plans, notebook: Notebook) -> None:
        self._ctx = ctx
        self._plans = plans
        self._notebook = notebook
        self._telling = Telling(ctx, outbox)
        self._repairs = Repairs(ctx, private, self._telling)
        self._churn = Churn()
        self._attempts = Attempts()
        self._blocked: dict[str, int] = {}
        self.moving = Moving(ctx, plans, self._telling, self._jobs, self._carry_quietly)
        self.doubts = Doubts()
        self.naked = NakedTimes()
        self.again: set[str] = set()
        metrics = ctx.metrics
        self._naked_s = metrics.histogram(
            "naked_seconds", "From the fill to the resting stop, by the venue's times", buckets=NAKED_BUCKETS_S
        )
        self._naked_now = metrics.gauge("naked_positions", "Positions without a stop at the last complete read")
        self._naked_max = metrics.gauge("naked_longest_seconds", "Longest time without a stop of this UTC day")
        self._positions = metrics.gauge("positions", "Open positions at the last complete read")

    def restore(self) -> None:
        """The day's longest naked time of an earlier life."""
        kept = self._notebook.naked
        if kept:
            self.naked.restore(int(kept.get("longest_ms", 0)), int(kept.get("at_ms", 0)))

    async def check(
        self, symbol: str, position: VenuePosition | None, orders: list[VenueOrder], move: Move | None, now_ms: int
    ) -> Held | None:
        """Compare a complete read of one symbol with what should be; the position as it is protected now."""
        if position is None:
            if move is not None:
                self.moving.refuse(move, StopRefusal.NO_POSITION)
            self._closed(symbol, now_ms)
            await self._run(symbol, None, None, orders, now_ms)
            return None
        desired = await self._plans.desired(position, orders)
        self._follow(position, desired, orders, now_ms)
        if desired is None:
            if move is not None:
                self.moving.refuse(move, StopRefusal.NOT_OURS)
            self._not_ours(position)
            self._notebook.waiting.pop(symbol, None)
            self.doubts.due(symbol, [], 0.0, now_ms)
            return None
        self.moving.look(symbol, desired, orders)
        if move is not None:
            desired = await self.moving.move(move, position, desired, orders)
        await self._run(symbol, position, desired, orders, now_ms)
        return Held(position, desired)

    async def _run(
        self, symbol: str, position: VenuePosition | None, desired: Desired | None, orders: Sequence[VenueOrder], now_ms: int
    ) -> None:
        """The jobs that are due."""
        found = self._jobs(symbol, position, desired, orders)
        if not any(job.kind in _STOP_JOBS for job in found):
            self._attempts.clear(symbol)
            self._blocked.pop(symbol, None)
        self._list(symbol, found, now_ms)
        for job in self.doubts.due(symbol, found, self._ctx.clock.monotonic_s(), now_ms):
            await self._carry_out(job, position, desired)

    def _jobs(self, symbol: str, position: VenuePosition | None, desired: Desired | None, orders: Sequence[VenueOrder]) -> list[Job]:
        prefixes = self._ctx.settings.exits.legacy_order_prefixes
        blocked = self._blocked.get(symbol, 0) >= BLOCKED_TWICE
        return jobs(symbol, position, desired, orders, prefixes, blocked=blocked)

    async def _carry_out(self, job: Job, position: VenuePosition | None, desired: Desired | None) -> Done | None:
        """One job within the churn limit; what failed is tried again at the next look, or ends in an exit."""
        now_s = self._ctx.clock.monotonic_s()
        naked = job.kind is JobKind.STOP_MISSING or job.kind in _EXITS
        if not self._churn.allows(job.symbol, now_s, naked=naked):
            self._ctx.log.error("churn_limit", symbol=job.symbol, kind=job.kind.value)
            if job.kind is JobKind.STOP_MISSING and position is not None and desired is not None:
                await self._leave_if_hopeless(position, desired, "no stop could be placed")
            return None
        if job.kind is JobKind.STOP_MISSING and desired is not None:
            self._missing(job, desired)
        for _ in job.steps:
            self._churn.count(job.symbol, now_s)
        done = await self._repairs.do(job, position, desired, self._plans.instruments.get(job.symbol))
        self._noted(job, done)
        self.again.add(job.symbol)
        if done.result is Result.DONE:
            self.doubts.forget(job)
            self._repairs.tell(job, done, desired)
        elif job.kind is JobKind.STOP_MISSING and position is not None and desired is not None:
            await self._refused(job, done, position, desired)
        return done

    async def _refused(self, job: Job, done: Done, position: VenuePosition, desired: Desired) -> None:
        """A stop that the venue did not take while the position has none: beyond it → out now; otherwise after a few tries."""
        now_s = self._ctx.clock.monotonic_s()
        if done.result is Result.BLOCKED:
            self._blocked[job.symbol] = self._blocked.get(job.symbol, 0) + 1
            return
        self._attempts.failed(job.symbol, now_s, refused=done.result is Result.REFUSED)
        await self._leave_if_hopeless(position, desired, done.detail, certain=done.result is Result.TRIGGERS)

    async def _leave_if_hopeless(self, position: VenuePosition, desired: Desired, why: str, *, certain: bool = False) -> None:
        """Close the position when no stop can be placed; the churn limit does not hold this up."""
        symbol = position.symbol
        if not certain and not self._attempts.hopeless(symbol, self._ctx.clock.monotonic_s()):
            return
        leave = exit_job(position, desired, JobKind.BEYOND_STOP)
        left = await self._repairs.do(leave, position, desired, self._plans.instruments.get(symbol))
        self._noted(leave, left)
        if left.result is Result.DONE:
            self._attempts.clear(symbol)
            self._repairs.tell(leave, left, desired, reason=why)

    async def _carry_quietly(self, job: Job, position: VenuePosition, desired: Desired) -> Done | None:
        """A move within the churn limit; its event is told by the caller."""
        now_s = self._ctx.clock.monotonic_s()
        if not self._churn.allows(job.symbol, now_s, naked=False):
            return None
        for _ in job.steps:
            self._churn.count(job.symbol, now_s)
        done = await self._repairs.do(job, position, desired, self._plans.instruments.get(job.symbol))
        self._noted(job, done)
        if done.result is Result.DONE or done.open:
            self.again.add(job.symbol)
        return done

    # --- what is kept and told -----------------------------------------------------------------------------------------

    def _follow(self, position: VenuePosition, desired: Desired | None, orders: Sequence[VenueOrder], now_ms: int) -> None:
        """The time without a stop, for positions that are ours to protect."""
        if desired is not None:
            self._ended(self.naked.look(position, desired.position_id, orders, desired.opened_ms, now_ms), now_ms)
            self._notebook.gaps[position.symbol] = self.naked.shown(position.symbol)

    def _closed(self, symbol: str, now_ms: int) -> None:
        self._ended(self.naked.gone(symbol, now_ms), now_ms)
        self._plans.forget(symbol)
        self._notebook.gaps.pop(symbol, None)
        self.moving.gone(symbol)
        self._attempts.clear(symbol)
        self._blocked.pop(symbol, None)

    def _ended(self, gap: Gap | None, now_ms: int) -> None:
        if gap is None:
            return
        self._naked_s.observe(gap.duration_ms / 1000)
        self._telling.gap(gap)
        self._notebook.naked = {"longest_ms": self.naked.longest_ms(now_ms), "at_ms": now_ms}

    def _missing(self, job: Job, desired: Desired) -> None:
        event = BracketEvent(
            event=BracketEventKind.MISSING,
            symbol=job.symbol,
            position_id=desired.position_id,
            leg=Leg.STOP,
            serial=str(self._ctx.clock.now_ms()),
        )
        self._telling.event(event)

    def _not_ours(self, position: VenuePosition) -> None:
        policy = self._ctx.settings.exits.unowned_positions
        if policy is not UnownedPolicy.IGNORE:
            self._telling.foreign(position, f"not opened by MrAster, policy {policy.value}")

    def _noted(self, job: Job, done: Done) -> None:
        entry = {"symbol": job.symbol, "kind": job.kind.value, "leg": job.leg.value, "result": done.result.value, "detail": done.detail}
        self._notebook.note({**entry, "at": _clock_text(self._ctx.clock.now_ms())})

    def _list(self, symbol: str, found: Sequence[Job], now_ms: int) -> None:
        """The queue as people see it."""
        known = {(e["kind"], e["mark"]): e for e in self._notebook.waiting.get(symbol, [])}
        entries = []
        for job in found:
            entry = {"symbol": symbol, "kind": job.kind.value, "leg": job.leg.value, "mark": job.mark, "since": _clock_text(now_ms)}
            entries.append(known.get((job.kind.value, job.mark), entry))
        if entries:
            self._notebook.waiting[symbol] = entries
        else:
            self._notebook.waiting.pop(symbol, None)

    def show(self, positions: dict[str, VenuePosition], now_ms: int) -> None:
        """Numbers for metrics and heartbeats."""
        naked, longest_ms = self.naked.naked, self.naked.longest_ms(now_ms)
        self._positions.set(len(positions))
        self._naked_now.set(len(naked))
        self._naked_max.set(longest_ms / 1000)
        facts = {
            "positions": len(positions),
            "naked": len(naked),
            "naked_max_ms": longest_ms,
            "repairs_waiting": len(self._notebook.waiting),
        }
        self._ctx.facts.update({name: str(value) for name, value in facts.items()})


def _clock_text(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
