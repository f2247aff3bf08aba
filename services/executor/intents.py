"""The ledger of intents: in Redis, fenced by the lease; what is not finished is also kept in memory.

Deduplication window: a finished intent answers for its plan for `KEEP_MS`, one that was refused before anything was sent for
`KEEP_REFUSED_MS`, and no shorter than `QUIET_START_S` after a start. A plan is delivered again within seconds (or, after a crash,
when the next instance starts), and one that comes later than its validity is refused as stale: it is never sent twice.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice, takewhile

from services.executor.fencing import fenced, lease_of
from services.executor.logic.documents import intent_document, intent_from
from services.executor.logic.entry_events import entry_event
from services.executor.logic.intent import Intent, Outcome, Step, advance, tell
from shared.contracts.order import OrderEventKind
from shared.runtime.context import Context
from shared.state.port import Permit

KEEP_MS = 3_600_000
"""Wall time for which an intent that was sent answers for its plan, should that be delivered again."""
KEEP_REFUSED_MS = 600_000
"""The same for one that was never sent: a flood of plans while trading is stopped must not fill the store."""
AT_ONCE = 1_000
QUIET_START_S = 120.0
"""After a start, nothing is forgotten for this long: plans that waited meanwhile come first."""


class Intents:
    """One writer: the active executor. Everything else about an entry may be lost; this may not."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._started_s = ctx.clock.monotonic_s()
        self.unfinished: dict[str, Intent] = {}
        self._finished: dict[int, deque[tuple[int, str]]] = {KEEP_MS: deque(), KEEP_REFUSED_MS: deque()}
        self.entering: set[str] = set()
        """Intents whose exposure may be reserved although they are not written yet."""

    async def load(self) -> None:
        """What an earlier life, or another instance, left unfinished."""
        documents = await self._ctx.state.get_all(self._ctx.keys.intents)
        intents = sorted((intent_from(document) for document in documents.values()), key=lambda i: i.done_wall_ms)
        self.unfinished = {intent.intent_id: intent for intent in intents if intent.step is not Step.DONE}
        for finished in self._finished.values():
            finished.clear()
        for intent in intents:
            self._remember(intent)

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
        keys, state, document = self._ctx.keys, self._ctx.state, intent_document(intent)
        await fenced(
            self._ctx, f"the intent {intent.intent_id}", lambda lease: state.put_fenced(keys.intents, intent.intent_id, document, lease)
        )
        self._remember(intent)
        return intent

    async def permit(self, intent: Intent) -> tuple[Permit, Intent]:
        """Ask for the permission to send; when it is given, the intent is durably `sent`."""
        lease = lease_of(self._ctx)
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
        now_ms = self._ctx.clock.wall_ms()
        for keep_ms, finished in self._finished.items():
            while old := _before(now_ms - keep_ms, finished):
                await self._ctx.state.drop(self._ctx.keys.intents, *old)
                for _ in old:
                    finished.popleft()

    def _remember(self, intent: Intent) -> None:
        if intent.step is Step.DONE:
            self.unfinished.pop(intent.intent_id, None)
            keep_ms = KEEP_REFUSED_MS if intent.outcome is Outcome.REFUSED else KEEP_MS
            self._finished[keep_ms].append((intent.done_wall_ms, intent.intent_id))
        else:
            self.unfinished[intent.intent_id] = intent


def _before(oldest_ms: int, finished: Iterable[tuple[int, str]]) -> list[str]:
    """Names of the first ones that ended before a time, as many as are dropped at once."""
    return [name for _, name in takewhile(lambda entry: entry[0] < oldest_ms, islice(finished, AT_ONCE))]
