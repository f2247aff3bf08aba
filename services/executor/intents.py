"""The ledger of intents: in Redis, fenced by the lease; what is not finished is also kept in memory."""

from dataclasses import replace

from services.executor.logic.documents import intent_document, intent_from
from services.executor.logic.entry_events import entry_event
from services.executor.logic.intent import Intent, Outcome, Step, advance, tell
from shared.contracts.order import OrderEventKind
from shared.domain.errors import LeaseLost
from shared.runtime.context import Context
from shared.state.port import Lease, Permit

KEEP_MS = 3_600_000
"""Wall time for which a finished intent answers for its plan, should that be delivered again."""
QUIET_START_S = 120.0
"""After a start, nothing is forgotten for this long: plans that waited meanwhile come first."""


class Intents:
    """One writer: the active executor. Everything else about an entry may be lost; this may not."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._started_s = ctx.clock.monotonic_s()
        self.unfinished: dict[str, Intent] = {}
        self.entering: set[str] = set()
        """Intents whose exposure may be reserved although they are not written yet."""

    async def load(self) -> None:
        """What an earlier life, or another instance, left unfinished."""
        documents = await self._ctx.state.get_all(self._ctx.keys.intents)
        intents = (intent_from(document) for document in documents.values())
        self.unfinished = {intent.intent_id: intent for intent in intents if intent.step is not Step.DONE}

    async def find(self, intent_id: str) -> Intent | None:
        """The intent as it is stored."""
        document = await self._ctx.state.get(self._ctx.keys.intents, intent_id)
        return None if document is None else intent_from(document)

    def of_symbol(self, symbol: str) -> list[Intent]:
        """Unfinished intents of a symbol."""
        return [intent for intent in self.unfinished.values() if intent.symbol == symbol]

    async def write(self, intent: Intent) -> Intent:
        """Make it durable.

        Raises:
            LeaseLost: another instance acts for this account.
        """
        lease = self._lease()
        if not await self._ctx.state.put_fenced(self._ctx.keys.intents, intent.intent_id, intent_document(intent), lease):
            raise LeaseLost(f"another instance holds {lease.role}; the intent {intent.intent_id} is its own now")
        self._remember(intent)
        return intent

    async def permit(self, intent: Intent) -> tuple[Permit, Intent]:
        """Ask for the permission to send; when it is given, the intent is durably `sent`."""
        lease = self._lease()
        sent = replace(advance(intent, Step.SENT, sent_wall_ms=self._ctx.clock.wall_ms()), token=lease.token)
        sent = tell(sent, entry_event(sent, OrderEventKind.SUBMITTED))
        answer = await self._ctx.state.may_send(
            intent.intent_id, before=intent_document(intent), after=intent_document(sent), epoch=intent.epoch, lease=lease
        )
        if answer is not Permit.OK:
            return answer, intent
        self._remember(sent)
        return answer, sent

    async def finish(self, intent: Intent, outcome: Outcome) -> Intent:
        """The last step."""
        return await self.write(replace(advance(intent, Step.DONE, outcome=outcome), done_wall_ms=self._ctx.clock.wall_ms()))

    async def forget_old(self) -> None:
        """Drop finished intents that nobody can ask for any more."""
        if self._ctx.clock.monotonic_s() - self._started_s < QUIET_START_S:
            return
        oldest = self._ctx.clock.wall_ms() - KEEP_MS
        documents = await self._ctx.state.get_all(self._ctx.keys.intents)
        old = [name for name, d in documents.items() if d["step"] == Step.DONE.value and d["done_wall_ms"] < oldest]
        await self._ctx.state.drop(self._ctx.keys.intents, *old)

    def _remember(self, intent: Intent) -> None:
        if intent.step is Step.DONE:
            self.unfinished.pop(intent.intent_id, None)
        else:
            self.unfinished[intent.intent_id] = intent

    def _lease(self) -> Lease:
        lease = self._ctx.lease
        if lease is None:
            raise LeaseLost("this instance never held the executor's lease")
        return lease
