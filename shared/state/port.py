"""What services ask of the store. `RedisState` is the real one, `MemoryState` its twin; one test suite runs on both.

Every method raises `StoreUnavailable` when Redis does not answer in time. Whether a write happened is then unknown, so
each is idempotent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from shared.contracts.control import Command
from shared.domain.control import TradingState


@dataclass(frozen=True, slots=True)
class Control:
    """Trading state and its epoch. Every command raises the epoch; plans and intents of an older one are void.

    `command` is the one that led here (None for the first state): a service that missed its message finds it here.
    `flatten_epoch` is the epoch of the last "flatten" unless trading was started after it (0 = none): a "pause" or "stop" that
    comes before anybody acted does not take it back.
    """

    state: TradingState
    epoch: int
    reason: str
    author: str
    changed_ms: int
    command: Command | None = None
    flatten_epoch: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """A role held until its TTL ends unless renewed. `token` grows with every change of hands (fencing)."""

    role: str
    owner: str
    token: int


class Permit(StrEnum):
    """Whether an entry may be sent.

    unset = no trading state; fenced = another instance acts for the account; changed = the intent is not what the caller
    believes (somebody else went on with it).
    """

    OK = "ok"
    UNSET = "unset"
    NOT_RUNNING = "not_running"
    OLD_EPOCH = "old_epoch"
    FENCED = "fenced"
    CHANGED = "changed"


class ReserveOutcome(StrEnum):
    """Answer of the budget.

    ok; replayed = the same call again, it counted once; denied = it would pass the limit; wrong_day = the server is on
    another UTC day, ask again; closed = this id was settled or has expired; unknown = no such reservation to settle.
    """

    OK = "ok"
    REPLAYED = "replayed"
    DENIED = "denied"
    WRONG_DAY = "wrong_day"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BudgetAnswer:
    """Outcome with the day's totals in micro-USD."""

    outcome: ReserveOutcome
    reserved_uusd: int
    spent_uusd: int


class Replaced(StrEnum):
    """What became of a replacement: done; fenced = another instance acts; not_empty = it was to fill an empty hash only."""

    DONE = "done"
    FENCED = "fenced"
    NOT_EMPTY = "not_empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureCaps:
    """Limits of the exposure script; money in micro-USD, 0 = no limit for the counts."""

    margin_uusd: int
    risk_uusd: int
    max_open: int
    max_per_symbol: int


@dataclass(frozen=True, slots=True)
class ExposureAnswer:
    """`cap` names the limit that refused (margin, risk, max_open, max_per_symbol), None when it was granted."""

    granted: bool
    cap: str | None
    margin_uusd: int
    risk_uusd: int


@dataclass(frozen=True, slots=True)
class ConfigRevision:
    """Overrides as a whole; `revision` 0 = none were ever made."""

    revision: int
    overrides: Mapping[str, str]
    author: str
    changed_ms: int


class State(Protocol):
    """Present state of one account."""

    async def ping(self) -> None:
        """A round trip."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...

    # --- trading state -------------------------------------------------------------------------------------------

    async def control(self) -> Control | None:
        """The trading state, None when it was never set."""
        ...

    async def init_control(self, state: TradingState, *, author: str, now_ms: int) -> Control:
        """Set the first state if there is none; otherwise answer what is."""
        ...

    async def command(self, command: Command, *, author: str, reason: str, now_ms: int) -> Control:
        """Apply a command: start and relaunch → running, pause and flatten → paused, stop → stopped; epoch + 1.

        close_position and cancel change neither state nor epoch; Permanent when no state was ever set.
        """
        ...

    async def may_send(self, intent_id: str, *, before: Mapping[str, Any], after: Mapping[str, Any], epoch: int, lease: Lease) -> Permit:
        """The last question before an entry goes out, in one atomic step.

        When trading runs, the epoch and the lease's token are the newest and the intent's document is still `before`, it
        becomes `after`; anything else changes nothing. An answer that is lost may be asked for again with the same documents.
        """
        ...

    # --- leases and members ----------------------------------------------------------------------------------------

    async def acquire(self, role: str, owner: str, ttl_ms: int) -> Lease | None:
        """Take a free or expired lease (token + 1), or renew one that the owner already has; None when another has it."""
        ...

    async def renew(self, lease: Lease, ttl_ms: int) -> bool:
        """Extend; False when it was lost."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give it up, if still held."""
        ...

    async def holder(self, role: str) -> Lease | None:
        """Who has it now."""
        ...

    async def join(self, service: str, member: str, ttl_ms: int) -> tuple[str, ...]:
        """Announce a live member for `ttl_ms`; all live members, sorted. Expired ones are dropped."""
        ...

    async def leave(self, service: str, member: str) -> None:
        """Take a member off."""
        ...

    # --- documents: small JSON values in one hash per kind ----------------------------------------------------------

    async def put(self, key: str, field: str, value: Mapping[str, Any]) -> None:
        """Store a JSON document under a field of a hash (key from `Keys`). Decimals must be text already."""
        ...

    async def get(self, key: str, field: str) -> dict[str, Any] | None:
        """One document. Raises StateCorrupt when it is not JSON."""
        ...

    async def get_many(self, key: str, fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Those of the named documents that exist, in one read. Raises StateCorrupt when one of them is not JSON."""
        ...

    async def get_all(self, key: str) -> dict[str, dict[str, Any]]:
        """All documents of a hash by field."""
        ...

    async def drop(self, key: str, *fields: str) -> None:
        """Remove documents."""
        ...

    async def put_fenced(self, key: str, field: str, value: Mapping[str, Any], lease: Lease) -> bool:
        """Store only if the lease's token is still the newest; False when fenced off."""
        ...

    async def replace_fenced(
        self, key: str, documents: Mapping[str, Mapping[str, Any]], lease: Lease, *, only_if_empty: bool = False
    ) -> Replaced:
        """Replace all documents of a hash in one atomic step, under the same condition; nothing is changed otherwise."""
        ...

    # --- ledger ----------------------------------------------------------------------------------------------------

    async def ledger_begin(self, durable: str, message_id: str, ttl_s: int) -> str | None:
        """First time: None, and the entry is now "begun". Otherwise what was recorded ("begun" or a result)."""
        ...

    async def ledger_finish(self, durable: str, message_id: str, result: str, ttl_s: int) -> None:
        """Record the result."""
        ...

    # --- LLM budget ------------------------------------------------------------------------------------------------

    async def budget_reserve(self, reservation_id: str, *, day: str, limit_uusd: int, amount_uusd: int, ttl_ms: int) -> BudgetAnswer:
        """Reserve worst-case spend; never lets reserved + spent pass the limit. `day` is yyyy-mm-dd UTC by the server's clock."""
        ...

    async def budget_settle(self, reservation_id: str, *, actual_uusd: int) -> BudgetAnswer:
        """Book the real spend on the reservation's own day (also when it is more than reserved). 0 releases it.

        After it expired, the real spend takes the place of the full amount. An unknown reservation books nothing.
        """
        ...

    async def budget_expire(self) -> int:
        """Book expired reservations at their full amount (a crash may have spent it); how many."""
        ...

    async def budget_totals(self, day: str) -> tuple[int, int]:
        """Reserved and spent micro-USD of a day."""
        ...

    # --- exposure --------------------------------------------------------------------------------------------------

    async def exposure_reserve(
        self, reservation_id: str, symbol: str, *, margin_uusd: int, risk_uusd: int, caps: ExposureCaps
    ) -> ExposureAnswer:
        """Reserve margin and risk for an entry in one atomic step.

        A granted id stays granted and counts once, whatever is asked with it; a refusal leaves no trace.
        """
        ...

    async def exposure_release(self, reservation_id: str) -> None:
        """The entry was refused or its position is closed. Never by a timer."""
        ...

    async def exposure_entries(self) -> dict[str, tuple[str, int, int]]:
        """All reservations: id → (symbol, margin micro-USD, risk micro-USD)."""
        ...

    # --- settings --------------------------------------------------------------------------------------------------

    async def config(self) -> ConfigRevision:
        """Current overrides."""
        ...

    async def config_apply(
        self, overrides: Mapping[str, str], *, expected_revision: int, author: str, now_ms: int
    ) -> ConfigRevision | None:
        """Replace the overrides if the revision is still the expected one; None when somebody was faster. History is kept."""
        ...

    async def config_history(self, limit: int = 50) -> list[ConfigRevision]:
        """Revisions that were applied, newest (the current one) first."""
        ...
