"""What a snapshot holds beside documents of services: the trading state and the settings of the page, for the record.

Who may put what back:

- What was learned: the advisor that learns, into an empty Redis; or a person by `mraster import`.
- The trading state: nobody; an epoch that came back would make old plans valid. A store that lost it permits no entry until the
  executor or a person sets it anew, and what was paused or stopped does not run then (`first_state`).
- Settings: the page, where each is checked.
- Intents, positions, exposure, brackets: nobody. The venue and the streams are asked.
"""

from collections.abc import Mapping
from typing import Any

from shared.domain.control import TradingState
from shared.state.port import State

LEARNING, CONTROL, SETTINGS = "learning", "control", "settings"
Section = dict[str, dict[str, Any]]


async def records(state: State) -> dict[str, Section]:
    """Trading state and settings as sections. Secrets are not among the settings: those are in the vault.

    Raises:
        StoreUnavailable: they cannot be read.
    """
    found: dict[str, Section] = {}
    control, config = await state.control(), await state.config()
    if control is not None:
        command = None if control.command is None else control.command.value
        known = {"state": control.state.value, "epoch": control.epoch, "reason": control.reason, "author": control.author}
        found[CONTROL] = {"present": {**known, "changed_ms": control.changed_ms, "command": command}}
    if config.revision:
        made = {"revision": config.revision, "author": config.author, "changed_ms": config.changed_ms}
        found[SETTINGS] = {"present": {**made, "overrides": dict(config.overrides)}}
    return found


def first_state(sections: Mapping[str, Mapping[str, Any]], usual: TradingState) -> TradingState:
    """What a store without a trading state begins with: the usual one, or the recorded one where that is more careful.

    A record that cannot be read counts as paused.
    """
    present = sections.get(CONTROL, {}).get("present")
    if present is None:
        return usual
    try:
        recorded = TradingState(present["state"])
    except (KeyError, TypeError, ValueError):
        recorded = TradingState.PAUSED
    return max(usual, recorded, key=_CARE.index)


_CARE = (TradingState.RUNNING, TradingState.PAUSED, TradingState.STOPPED)
