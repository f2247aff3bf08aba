"""The one advisor that learns, by a lease of its own: follows signals, takes closed trades in, makes an edition per hour.

Handles candidates, skips, candles, plans, positions and closed trades with durable consumers that only the lease holder reads. A
crash loses at most what was heard since the last candle: those signals are not followed, and nothing is counted twice.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

from services.advisor.archive import Archive, Documents
from services.advisor.editions import Editions
from services.advisor.gauges import Gauges
from services.advisor.logic.caution import caution
from services.advisor.logic.learner import Edition, Learner
from services.advisor.logic.summary import learning_report
from services.advisor.notebook import ROLE, TTL_MS, Notebook
from services.advisor.outlook import Outlook
from services.advisor.telling import Teller
from shared.bus.port import Consumption, Handler
from shared.contracts import topic
from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.market import CandleClosed
from shared.contracts.order import PositionEvent, PositionEventKind, TradeClosed
from shared.contracts.plan import Plan
from shared.contracts.signal import Candidate, Skip, decision_id
from shared.contracts.topic import Topic
from shared.domain.errors import LeaseLost, StoreUnavailable, Transient
from shared.runtime.context import Context
from shared.state.port import Lease, Replaced

RENEW_S = 1.5
POLL_S = 1.0
RETRY_S = 5.0
LEAVE_S = 4.0
FILE_S = 5.0
"""Between two snapshots, when something has changed: what is lost with Redis and the learner at once."""


class Learning:
    """`run` is a loop of the service: stands by for the lease, then learns until the service stops."""

    def __init__(self, ctx: Context, outlook: Outlook, editions: Editions, archive: Archive) -> None:
        self._ctx = ctx
        self._outlook = outlook
        self._editions = editions
        self._archive = archive
        self._in_file: tuple[int, dict[str, Documents]] = (-1, {})
        self._learner = Learner()
        self._notebook: Notebook | None = None
        self._unpublished: Edition | None = None
        self._unsaved = False
        self._teller = Teller(tuner_distances=lambda: ctx.settings.advisor.tuner_distances)
        self._lessons = ctx.metrics.counter("lessons_total", "Lessons taken into an edition")
        self._snapshots = ctx.metrics.counter("snapshots_total", "Writings of the state file", ("outcome",))
        self._gauges = Gauges(ctx.metrics)

    async def run(self) -> None:
        """Stand by, then learn."""
        lease = await self._await_lease()
        if lease is None:
            return
        self._ctx.log.info("learning", token=lease.token)
        notebook = self._notebook = await self._load(lease)
        if notebook is None:
            return
        tasks = [asyncio.create_task(work) for work in (self._keep_lease(notebook), self._listen(), self._keep_file(notebook))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            await self._ctx.stopping.wait()
            await asyncio.gather(*tasks)
        finally:
            await _to_the_end(self._leave(notebook, tasks))

    async def _leave(self, notebook: Notebook, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Save what was learned since the last time, when told to stop, and let the next one learn."""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable, LeaseLost):
            if self._ctx.stopping.is_set():
                with contextlib.suppress(StoreUnavailable):
                    await notebook.renew()
                self._unsaved = True
                await self._save()
                await self._to_file(notebook)
            await self._ctx.state.release(notebook.lease)

    async def _await_lease(self) -> Lease | None:
        """The lease, None when the service stops first."""
        while not self._ctx.stopping.is_set():
            with contextlib.suppress(StoreUnavailable):
                lease = await self._ctx.state.acquire(ROLE, self._ctx.producer.instance, TTL_MS)
                if lease is not None:
                    return lease
                await self._editions.watch()
            await self._pause(POLL_S)
        return None

    async def _load(self, lease: Lease) -> Notebook | None:
        """Go on where the last learner stopped; from the state file when Redis knows nothing. None when the service stops first.

        Raises:
            LeaseLost: another advisor learns now.
        """
        while not self._ctx.stopping.is_set():
            try:
                documents = await self._ctx.state.get_all(self._ctx.keys.learning) or await self._restored(lease)
                self._learner = await self._editions.draft(await self._editions.newest())
            except StoreUnavailable as error:
                self._ctx.log.warning("learning_waits", detail=str(error))
                await self._pause(POLL_S)
            else:
                self._teller.begin(self._learner)
                self._gauges.show(learning_report(self._learner, self._learner.edition))
                return Notebook(self._ctx, lease, documents)
        return None

    async def _restored(self, lease: Lease) -> Documents:
        """Put the content of the state file into an empty Redis, all at once; what was put there.

        Raises:
            LeaseLost: another advisor learns now.
            StoreUnavailable: the state file is there and cannot be read now; the lease is kept.
        """
        try:
            documents = await self._archive.restorable()
        except StoreUnavailable:
            if not await self._ctx.state.renew(lease, TTL_MS):
                raise LeaseLost("another advisor may learn now; this one starts again as a reader") from None
            raise
        if documents:
            done = await self._ctx.state.replace_fenced(self._ctx.keys.learning, documents, lease, only_if_empty=True)
            if done is not Replaced.DONE:
                raise LeaseLost("another advisor wrote what was learned meanwhile; this one starts again as a reader")
            self._ctx.log.warning("learning_restored", fields=sorted(documents))
        return documents

    async def _keep_lease(self, notebook: Notebook) -> None:
        """Renew until the service stops.

        Raises:
            LeaseLost: another advisor learns now.
        """
        while not self._ctx.stopping.is_set():
            await self._pause(RENEW_S)
            with contextlib.suppress(StoreUnavailable):
                await notebook.renew()

    async def _keep_file(self, notebook: Notebook) -> None:
        """A snapshot from time to time."""
        while not self._ctx.stopping.is_set():
            await self._pause(FILE_S)
            if not self._ctx.stopping.is_set():
                await self._to_file(notebook)

    async def _to_file(self, notebook: Notebook) -> None:
        """Write what Redis has confirmed, when something has changed; also trading state and settings, for the record.

        Only while nobody else can be the one who writes.
        """
        changes, records = notebook.changes, await self._archive.records()  # what changes during the writing is written next time
        if (changes, records) == self._in_file or not notebook.sure:
            return
        written = records is not None and await self._archive.keep(notebook.documents, records, lambda: notebook.sure)
        self._snapshots.labels("ok" if written else "failed").inc()
        if written:
            self._in_file = (changes, records or {})

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
            self._consumption(topic.PLANNED, self._on_plan),
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

    async def _on_candle(self, candle: CandleClosed, meta: Meta) -> list[Outgoing]:
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
        return self._teller.with_candle(self._learner, edition, meta)

    async def _save(self) -> None:
        """Edition and draft to Redis. While it is away, learning goes on in memory and is saved with a later candle."""
        if self._notebook is None or not self._unsaved:
            return
        try:
            edition = self._unpublished
            if edition is not None:
                report = learning_report(self._learner, edition)
                await self._notebook.publish(edition, report.model_dump(mode="json"))
                self._lessons.inc(edition.learned)
                self._gauges.show(report)
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

    async def _on_plan(self, plan: Plan, _meta: Meta) -> list[Outgoing]:
        """A plan that a model made: its help is valued later."""
        self._learner.planned(plan, decision_id(plan.symbol, plan.interval, plan.close_ms, plan.direction))
        return []

    async def _on_trade(self, trade: TradeClosed, _meta: Meta) -> list[Outgoing]:
        """A lesson; its review follows when it is known what came after."""
        held = caution(await self._outlook.of(trade.symbol), trade.closed_ms)
        self._learner.closed(trade, held.features)
        return []

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ctx.stopping.wait()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish this although the service, which has drained meanwhile, cancels us in the middle."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LEAVE_S)
        raise
