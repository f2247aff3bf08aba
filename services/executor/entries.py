"""From a plan to an approved entry: checks, truth, size, exposure, the durable intent; then it is sent."""

from services.executor.breaker_keeper import BreakerKeeper
from services.executor.core import Core
from services.executor.exposure import exposure_caps, foreign_of
from services.executor.live_gate import LiveGate
from services.executor.logic.entry_events import entry_event, intent_of
from services.executor.logic.intent import Intent, Outcome, Step, tell
from services.executor.logic.sizing import Situation, Size, entry_size
from services.executor.opening import Opening
from services.executor.pricing import Pricing
from services.executor.sending import Sending
from services.executor.steps import Moment, Steps
from services.executor.symbol_setup import SymbolSetup
from services.executor.truth import Margins, Truth, TruthReader
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import OrderEventKind
from shared.contracts.plan import Plan, Verdict
from shared.domain.control import TradingState
from shared.domain.units import Usd, to_micro
from shared.risk.gate import Refused, RefusedReason


class Entries:
    """Handles plans; each step is durable before the next."""

    def __init__(self, core: Core, *, opening: Opening, sending: Sending, breakers: BreakerKeeper, live_gate: LiveGate) -> None:
        self._ctx = core.ctx
        self._private = core.private
        self._book = core.book
        self._intents = core.intents
        self._opening = opening
        self._sending = sending
        self._steps: Steps = sending.steps
        self._truth = TruthReader(core.private)
        self._pricing = Pricing(core.ctx)
        self.setup = SymbolSetup(core.private)
        self.breakers = breakers
        self._live_gate = live_gate
        self.margins = Margins()

    async def on_plan(self, plan: Plan, meta: Meta) -> list[Outgoing]:
        """Trade a TAKE, once. Returns everything that was told about it, also when it comes again."""
        if plan.verdict is not Verdict.TAKE:
            return []
        async with self._book.lock(plan.symbol):
            known = await self._intents.find(meta.decision_id)
            if known is not None and known.step is not Step.RESERVED:
                told = await self._opening.resume(known)
            else:
                self._intents.entering.add(meta.decision_id)
                try:
                    told = await self._enter(plan, meta, known)
                finally:
                    self._intents.entering.discard(meta.decision_id)
            await self._steps(Moment.BEFORE_PUBLISH, plan.symbol)
            return told

    async def _enter(self, plan: Plan, meta: Meta, known: Intent | None) -> list[Outgoing]:
        """A plan that was never sent."""
        await self._steps(Moment.BEFORE_INTENT, plan.symbol)
        prepared = await self._early_refusal(plan, meta) or await self._prepare(plan, meta)
        if isinstance(prepared, Refused):
            intent = known or intent_of(plan, meta, self._opening.instruments.get(plan.symbol))
            event = entry_event(intent, OrderEventKind.REFUSED, reason=prepared.reason.value, detail=prepared.detail)
            return await self._opening.undo(intent, event, Outcome.REFUSED)
        intent, size = prepared
        await self._intents.write(intent)
        await self._steps(Moment.AFTER_INTENT, plan.symbol)
        return await self._sending.send(intent, size.sized)

    async def _early_refusal(self, plan: Plan, meta: Meta) -> Refused | None:
        """Reasons that need no request to the venue."""
        if plan.symbol not in self._opening.instruments:
            return Refused(RefusedReason.NOT_TRADING, f"{plan.symbol} is not listed")
        if self._ctx.clock.now_ms() > plan.valid_until_ms:
            return Refused(RefusedReason.STALE_PLAN, f"{self._ctx.clock.now_ms() - plan.valid_until_ms} ms late")
        others = [i.intent_id for i in self._intents.of_symbol(plan.symbol) if i.intent_id != meta.decision_id]
        if others:
            return Refused(RefusedReason.ALREADY_OPEN, f"the entry {others[0]} is not finished")
        return await self._state_refusal(meta)

    async def _state_refusal(self, meta: Meta) -> Refused | None:
        """Lease, trading state, epoch (asked once more right before the send); with real money, the doctor's checks."""
        if not self._ctx.holds_lease():
            return Refused(RefusedReason.STATE_UNKNOWN, "the executor's lease is not certain")
        control = await self._ctx.state.control()
        if control is None or control.state is not TradingState.RUNNING:
            return Refused(RefusedReason.NOT_RUNNING, f"trading is {control.state if control else 'unknown'}")
        if control.epoch != meta.epoch:
            return Refused(RefusedReason.OLD_EPOCH, f"plan of epoch {meta.epoch}, now {control.epoch}")
        return await self._live_gate.refusal()

    async def _prepare(self, plan: Plan, meta: Meta) -> tuple[Intent, Size] | Refused:
        """Truth, breakers, size, the venue's settings, exposure; then the intent, not yet written."""
        risk = self._ctx.settings.risk
        truth = await self._truth.read(plan.symbol, account_needed=risk.default_notional_usdt == 0)
        for order in truth.leftovers(plan.symbol):
            await self._private.cancel(plan.symbol, order=order)
        refused = self._occupied(plan, truth) or await self._tripped(truth)
        if refused is not None:
            return refused
        around = await self._situation(truth, meta.decision_id)
        instrument = self._opening.instruments[plan.symbol]
        size = entry_size(plan, instrument, risk, self.margins.tiers(plan.symbol), around)
        if isinstance(size, Refused):
            return size
        refused = await self.setup.ensure(plan.symbol, size.given.leverage) or await self._reserve(plan, meta, size, around)
        if refused is not None:
            return refused
        intent = intent_of(plan, meta, instrument, size.sized, size.given.leverage)
        priced = await self._pricing.price(intent, instrument)
        if isinstance(priced, Refused):
            return priced
        return tell(priced, entry_event(priced, OrderEventKind.INTENT, sizing=size.report)), size

    def _occupied(self, plan: Plan, truth: Truth) -> Refused | None:
        most = self._ctx.settings.risk.max_open_global
        if plan.symbol in truth.positions:
            return Refused(RefusedReason.ALREADY_OPEN, f"{truth.positions[plan.symbol].amount} is open")
        if most and len(truth.positions) >= most:
            return Refused(RefusedReason.MAX_OPEN, f"{len(truth.positions)} of {most} positions are open")
        return None

    async def _tripped(self, truth: Truth) -> Refused | None:
        """The account's breakers, by the equity that was just read."""
        if truth.account is None:
            return None
        return await self.breakers.refusal(truth.account.equity)

    async def _situation(self, truth: Truth, intent_id: str) -> Situation:
        """The account around the entry; a reservation of this very intent, from an earlier life, is given up for a new one."""
        held = await self._ctx.state.exposure_entries()
        if held.pop(intent_id, None) is not None:
            await self._ctx.state.exposure_release(intent_id)
        return Situation(
            equity=None if truth.account is None else truth.account.equity,
            last_equity=self.breakers.last_equity,
            reservations=held,
            foreign=foreign_of(truth.positions, held, self._book.records),
            open_positions=len(truth.positions),
        )

    async def _reserve(self, plan: Plan, meta: Meta, size: Size, around: Situation) -> Refused | None:
        """Exposure in one atomic step."""
        answer = await self._ctx.state.exposure_reserve(
            meta.decision_id,
            plan.symbol,
            margin_uusd=to_micro(size.sized.margin),
            risk_uusd=to_micro(size.sized.risk),
            caps=exposure_caps(self._ctx.settings.risk, Usd(size.given.equity), around.foreign),
        )
        if answer.granted:
            return None
        return Refused(_CAP_REASONS.get(answer.cap or "", RefusedReason.RISK_CAP), f"cap {answer.cap}")


_CAP_REASONS = {
    "margin": RefusedReason.MARGIN_CAP,
    "risk": RefusedReason.RISK_CAP,
    "max_open": RefusedReason.MAX_OPEN,
    "max_per_symbol": RefusedReason.ALREADY_OPEN,
}
