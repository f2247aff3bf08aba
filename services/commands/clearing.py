"""The doctor's verdict on trading real money, where the executor reads it before each entry."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.commands.place import addresses
from shared.config.sections.core import Core
from shared.config.settings import Settings
from shared.domain.errors import MrasterError
from shared.risk import clearance
from shared.risk.clearance import Check, Clearance, Stand
from shared.state.keys import Keys

if TYPE_CHECKING:
    from services.commands.checkup import Finding


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the checks for going live. `needed` is false on paper; `written` says whether the executor can read it."""

    needed: bool
    allowed: bool
    written: bool
    detail: str
    until_ms: int | None = None


def subject_of(core: Core) -> str:
    """The mark of the account, venue and key of these settings."""
    return clearance.mark_of(core.account, str(core.exchange_base), core.api_key.get_secret_value(), core.user_address)


async def record(settings: Settings, findings: Sequence["Finding"], home: Path | None) -> Verdict:
    """Write down how the checks ended, good or bad: a check that fails now takes an earlier clearance back."""
    if settings.core.paper:
        return Verdict(needed=False, allowed=True, written=False, detail="paper trading needs no clearance")
    checks = tuple(Check(f.check, f.status.value, f.detail, f.fix) for f in findings)
    made = Clearance(subject_of(settings.core), time.time_ns() // 1_000_000, checks)
    now = clearance.stand(made, made.subject, made.at_ms)
    try:
        await _write(settings, made, home)
    except MrasterError as error:
        detail = f"the result could not be written down for the executor ({error}); run the doctor again once Redis answers"
        return Verdict(needed=True, allowed=False, written=False, detail=detail)
    return Verdict(needed=True, allowed=now.allowed, written=True, detail=now.detail, until_ms=now.until_ms)


async def _write(settings: Settings, made: Clearance, home: Path | None) -> None:
    from services.commands.stores import open_state  # noqa: PLC0415 - loads Redis

    async with open_state(addresses(home)[1], settings.core.account) as state:
        await state.put(Keys(settings.core.account).doctor, clearance.FIELD, clearance.document_of(made))


async def standing(settings: Settings, home: Path | None) -> Stand | None:
    """How things are for these settings, as the executor would see it; None on paper.

    Raises:
        Transient: Redis does not answer.
    """
    from services.commands.stores import open_state  # noqa: PLC0415 - loads Redis

    core = settings.core
    if core.paper:
        return None
    async with open_state(addresses(home)[1], core.account) as state:
        found = clearance.from_document(await state.get(Keys(core.account).doctor, clearance.FIELD))
    return clearance.stand(found, subject_of(core), time.time_ns() // 1_000_000)
