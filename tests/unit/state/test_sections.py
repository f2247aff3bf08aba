from typing import Any

import pytest

from shared.contracts.control import Command
from shared.domain.clock import ManualClock
from shared.domain.control import TradingState
from shared.state.memory import MemoryState
from shared.state.sections import CONTROL, SETTINGS, first_state, records
from shared.state.store import MemoryStore

RUNNING, PAUSED, STOPPED = TradingState.RUNNING, TradingState.PAUSED, TradingState.STOPPED


async def test_the_record_holds_state_and_settings() -> None:
    state = MemoryState(MemoryStore(ManualClock(5_000)), "main")
    assert await records(state) == {}
    await state.init_control(RUNNING, author="executor", now_ms=1)
    await state.command(Command.STOP, author="me", reason="enough", now_ms=2)
    await state.config_apply({"ASTER_LEVERAGE": "3"}, expected_revision=0, author="me", now_ms=3)
    found = await records(state)
    assert found[CONTROL]["present"]["state"] == "stopped"
    assert found[CONTROL]["present"]["command"] == "stop"
    assert found[SETTINGS]["present"]["overrides"] == {"ASTER_LEVERAGE": "3"}


@pytest.mark.parametrize("usual", [RUNNING, PAUSED])
@pytest.mark.parametrize("recorded", list(TradingState))
def test_what_was_stopped_never_begins_to_run(usual: TradingState, recorded: TradingState) -> None:
    found = first_state({CONTROL: {"present": {"state": recorded.value}}}, usual)
    if recorded is STOPPED:
        assert found is STOPPED
    elif PAUSED in {recorded, usual}:
        assert found is PAUSED
    else:
        assert found is RUNNING


@pytest.mark.parametrize("junk", [{}, {"state": "flying"}, {"state": None}, {"state": ["running"]}, 7, "running"])
def test_a_record_that_cannot_be_read_counts_as_paused(junk: Any) -> None:
    assert first_state({CONTROL: {"present": junk}}, RUNNING) is PAUSED


def test_without_a_record_it_is_as_usual() -> None:
    assert first_state({}, RUNNING) is RUNNING
    assert first_state({CONTROL: {}}, RUNNING) is RUNNING
