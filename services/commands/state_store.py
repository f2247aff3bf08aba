"""What `mraster export` and `mraster import` do in Redis: read everything, replace what was learned in one step."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.advisor.logic.documents import CURRENT
from services.advisor.notebook import ROLE
from shared.domain.control import TradingState
from shared.domain.errors import Permanent, StateCorrupt
from shared.state.keys import Keys
from shared.state.port import Lease, Replaced, State
from shared.state.sections import LEARNING, Section, records

TTL_MS = 20_000
_TRIES = 5
Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Present:
    """What Redis holds. `unreadable` says why the learning state could not be read; it can still be replaced."""

    learning: Documents
    others: Mapping[str, Section] = field(default_factory=dict)
    state: TradingState | None = None
    unreadable: str = ""

    @property
    def sections(self) -> dict[str, Section]:
        """As a snapshot holds them."""
        return {LEARNING: self.learning, **self.others}


async def present(state: State, keys: Keys) -> Present:
    """Read it.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    learning, unreadable = Documents(), ""
    try:
        learning = await state.get_all(keys.learning)
    except StateCorrupt as error:
        unreadable = str(error)
    control = await state.control()
    return Present(learning, await records(state), None if control is None else control.state, unreadable)


async def replace(state: State, keys: Keys, make: Callable[[Documents], Documents]) -> Documents:
    """Take the learner's lease, make the new documents of the present ones, put them in the place of all, give the lease back.

    The advisor that learned until now is fenced off, ends, and begins again with the new state. Either all is replaced or nothing.

    Raises:
        Permanent: another one wrote meanwhile; nothing was changed.
        StoreUnavailable: Redis does not answer.
    """
    lease = await _take_over(state)
    try:
        made = make((await present(state, keys)).learning)
        line = {"number": 0, **made.get(CURRENT, {}), "line": secrets.token_hex(6)}
        made = {**made, CURRENT: line}
        if await state.replace_fenced(keys.learning, made, lease) is not Replaced.DONE:
            raise Permanent("an advisor wrote at the same moment: expected nobody to; nothing was changed, try again")
        return made
    finally:
        await state.release(lease)


async def _take_over(state: State) -> Lease:
    owner = f"cli-{secrets.token_hex(4)}"
    for _ in range(_TRIES):
        holder = await state.holder(ROLE)
        if holder is not None:
            await state.release(holder)
        lease = await state.acquire(ROLE, owner, TTL_MS)
        if lease is not None:
            return lease
    raise Permanent("the advisor took its lease back each time: expected it once; nothing was changed, try again or stop the advisor")
