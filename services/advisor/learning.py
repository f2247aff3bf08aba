"""The one advisor that learns, by a lease of its own: follows signals, takes closed trades in, makes an edition per hour.

Handles candidates, skips, candles, positions and closed trades with durable consumers that only the lease holder reads. A
crash loses at most what was heard since the last candle: those signals are not followed, and nothing is counted twice.
"""

import asyncio
import contextlib
from decimal import Decimal

from services.advisor.editions import Editions, Notebook
from services.advisor.logic.caution import caution
from services.advisor.logic.learner import Edition, Learner
from services.advisor.logic.postmortem import causes
from services.advisor.logic.summary import report
from services.advisor.outlook import Outlook
from shared.bus.port import Consumption, Handler
from shared.contracts import topic
from shared.contracts.ai import PlaybookState, Postmortem
from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.market import CandleClosed
from shared.contracts.order import PositionEvent, PositionEventKind, TradeClosed
from shared.contracts.signal import Candidate, Skip, decision_id
from shared.contracts.topic import Topic
from shared.domain.errors import LeaseLost, StoreUnavailable, Transient
from shared.runtime.context import Context
from shared.runtime.leader import role_of
from shared.state.port import Lease

ROLE = role_of("advisor")
TTL_MS = 6_000
RENEW_S = 1.5
POLL_S = 1.0
RETRY_S = 5.0


class Learning:
    """`run` is a loop of the service: stands by for the lease, then learns until the service stops."""

    def __init__(self, ctx: Context, outlook: Outlook) -> None:
        self._ctx = ctx
        self._outlook = outlook
        self._editions = Editions(ctx)
        self._learner = Learner()
        self._notebook: Notebook | None = None
        self._unpublished: Edition | None = None
        self._unsaved = False
        self._told_version = 0
        self._lessons = ctx.metrics.counter("lessons_total", "Lessons taken into an edition")
        self._following = ctx.metrics.gauge("signals_followed", "Signals on their way to a hypothetical end")
        self._outcomes = ctx.metrics.gauge("policy_outcomes", "Sum of the weights that the policy learned from")
        self._brier = ctx.metrics.gauge("brier_score_ratio", "Mean squared error of win probabilities", ("model",))

    async def run(self) -> None:
        """Stand by, then learn."""
        lease = await self._await_lease()
        if lease is None:
            return
        self._ctx.log.info("learning", token=lease.token)
        self._notebook = Notebook(self._ctx, lease)
        await self._load()
        keeping = asyncio.create_task(self._keep_lease(lease))
        consuming = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({keeping, consuming}, return_when=asyncio.FIRST_COMPLETED)
            for task in (keeping, consuming):
                if task.done():
                    task.result()
            await self._ctx.stopping.wait()
            await consuming
            self._unsaved = True
            await self._save()
        finally:
            for task in (keeping, consuming):
                task.cancel()
            await asyncio.gather(keeping, consuming, return_exceptions=True)
            with contextlib.suppress(StoreUnavailable):
                await self._ctx.state.release(lease)

    async def _await_lease(self) -> Lease | None:
        """The lease, None when the service stops first."""
        while not self._ctx.stopping.is_set():
            with contextlib.suppress(StoreUnavailable):
                lease = await self._ctx.state.acquire(ROLE, self._ctx.producer.instance, TTL_MS)
                if lease is not None:
                    return lease
            await self._pause(POLL_S)
        return None

    async def _load(self) -> None:
        """Go on where the last learner stopped."""
        while True:
            try:
                self._learner = await self._editions.draft(await self._editions.newest())
            except StoreUnavailable as error:
                self._ctx.log.warning("learning_waits", detail=str(error))
                await self._pause(POLL_S)
            else:
                self._told_version = self._learner.edition.brain.playbook.version
                self._show(self._learner.edition)
                return

    async def _keep_lease(self, lease: Lease) -> None:
        """Renew until the service stops.

        Raises:
            LeaseLost: another advisor learns now.
        """
        while not self._ctx.stopping.is_set():
            await self._pause(RENEW_S)
            with contextlib.suppress(StoreUnavailable):
                if await self._ctx.state.renew(lease, TTL_MS):
                    continue
                again = await self._ctx.state.acquire(ROLE, self._ctx.producer.instance, TTL_MS)
                if again is None or again.token != lease.token:
                    raise LeaseLost(f"the lease {ROLE} went to another advisor or expired; this one starts again as a reader")

    async def _listen(self) -> None:
        """Consume until the service stops. When consumers cannot be made, decisions go on without new lessons."""
        while not self._ctx.stopping.is_set():
            try:
                await self._ctx.bus.consume(self._consumptions(), lanes=1)
            except Transient as error:
                self._ctx.log.error("learning_hears_nothing", code=error.code, detail=str(error), next_try_s=RETRY_S)  # noqa: TRY400 - no trace needed
                await self._pause(RETRY_S)

    def _consumptions(self) -> list[Consumption]:
        """What a learner hears. One lane: everything in the order in which it arrives."""
        return [
            self._consumption(topic.CANDIDATE, self._on_signal),
            self._consumption(topic.SKIP, self._on_signal),
            self._consumption(topic.CANDLE, self._on_candle),
            self._consumption(topic.POSITION_EVENT, self._on_position),
            self._consumption(topic.TRADE_CLOSED, self._on_trade),
        ]

    def _consumption(self, of: Topic, handler: Handler) -> Consumption:
        async def counted(payload: Payload, meta: Meta) -> list[Outgoing]:
            with self._ctx.activity.working():
                return list(await handler(payload, meta))

        return Consumption(durable=f"advisor-learner-{of.name.replace('.', '-')}", topic=of, handler=counted)

    async def _on_signal(self, signal: Candidate | Skip, _meta: Meta) -> list[Outgoing]:
        """Follow it, with the features that a decision about it would have seen."""
        held = caution(await self._outlook.of(signal.symbol), signal.close_ms)
        edition = await self._editions.for_signal(signal.close_ms, signal.interval)
        own = {"strength": signal.strength, "edge_r": signal.edge_r, "cost_r": signal.cost_r, "spread_ratio": signal.spread_ratio}
        context = edition.brain.context(signal.symbol, signal.setup.value, signal.direction.sign, signal.features)
        known = {name: value for name, value in own.items() if value is not None}
        idea = decision_id(signal.symbol, signal.interval, signal.close_ms, signal.direction)
        self._learner.signal(signal, idea, {**known, **held.features, **context})
        return []

    async def _on_candle(self, candle: CandleClosed, _meta: Meta) -> list[Outgoing]:
        """Move the market on; make an edition when one is due. Candles of other lengths are not ours."""
        if candle.interval != self._ctx.settings.strategy.interval.value:
            return []
        before = self._learner.clock_ms
        edition = self._learner.candle(candle)
        if edition is not None:
            self._unpublished = edition
        if self._learner.clock_ms != before:
            self._unsaved = True
        await self._save()
        if edition is None or edition.brain.playbook.version == self._told_version:
            return []
        self._told_version = edition.brain.playbook.version
        return [Outgoing(_playbook(edition), ts_ms=candle.close_ms)]

    async def _save(self) -> None:
        """Edition and draft to Redis. While it is away, learning goes on in memory and is saved with a later candle."""
        if self._notebook is None or not self._unsaved:
            return
        try:
            edition = self._unpublished
            if edition is not None:
                await self._notebook.publish(edition, report(self._learner, edition))
                self._lessons.inc(edition.learned)
                self._show(edition)
                self._unpublished = None
            await self._notebook.keep(self._learner)
            self._unsaved = False
        except StoreUnavailable as error:
            self._ctx.log.warning("learning_not_saved", detail=str(error))

    async def _on_position(self, event: PositionEvent, _meta: Meta) -> list[Outgoing]:
        """A position was opened: its idea is a trade now."""
        if event.event is PositionEventKind.OPENED and event.owned:
            self._learner.opened(event.position_id)
        return []

    async def _on_trade(self, trade: TradeClosed, meta: Meta) -> list[Outgoing]:
        """A lesson, and what its path says."""
        lesson = self._learner.closed(trade)
        if lesson is None:
            return []
        weights = {cause.value: round(weight, 4) for cause, weight in causes(lesson.path).items()}
        found = Postmortem(symbol=trade.symbol, position_id=trade.position_id, features=weights, source="rules")
        return [Outgoing(found, ts_ms=meta.ts_ms)]

    def _show(self, edition: Edition) -> None:
        """Metrics of the models."""
        self._following.set(len(self._learner.ledger))
        self._outcomes.set(edition.brain.bandit.outcomes)
        for name, score in (("prior", edition.brain.calibration.brier()), ("alpha", edition.brain.alpha.brier())):
            if score is not None:
                self._brier.labels(name).set(score)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ctx.stopping.wait()


def _playbook(edition: Edition) -> PlaybookState:
    """The playbook as a message."""
    book = edition.brain.playbook
    size, stop, target = (Decimal(repr(round(v, 4))) for v in (book.adjustments.size, book.adjustments.stop, book.adjustments.target))
    return PlaybookState(
        version=book.version,
        regime=book.regime.value,
        size_factor=size,
        stop_factor=stop,
        target_factor=target,
        side_bias=book.adjustments.side_bias,
        focus=dict(book.adjustments.focus),
        note=book.reason,
    )
