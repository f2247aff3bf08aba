"""Ready means: every required service has a fresh heartbeat, and one instance acts."""

from services.dashboard.logic.answers import Absence
from services.dashboard.logic.roster import FORGET_MS, FRESH_MS, Roster, whole_number
from shared.contracts.ops import Heartbeat, ServiceState
from tests.integration.dashboard import facts

NOW = 1_000_000


def beat(service: str, state: ServiceState = ServiceState.READY, instance: str = "a1", *, active: bool = True) -> Heartbeat:
    made = facts.heartbeat(service, NOW, state, active=active).payload
    assert isinstance(made, Heartbeat)
    return made.model_copy(update={"instance": instance})


def absences(roster: Roster, now: int = NOW) -> dict[str, Absence]:
    return {one.name: one.reason for one in roster.missing(now)}


def test_nothing_heard_is_missing():
    assert absences(Roster(("scanner",))) == {"scanner": Absence.NO_HEARTBEAT}


def test_ready_and_standby_with_one_active_is_complete():
    roster = Roster(("executor",))
    roster.hear(beat("executor", ServiceState.READY, "a1"), NOW)
    roster.hear(beat("executor", ServiceState.STANDBY, "a2", active=False), NOW)
    assert absences(roster) == {}


def test_standbys_alone_are_not_enough():
    roster = Roster(("executor",))
    roster.hear(beat("executor", ServiceState.STANDBY, active=False), NOW)
    assert absences(roster) == {"executor": Absence.NO_ACTIVE}


def test_starting_and_silent_ones_are_named_so():
    roster = Roster(("scanner", "advisor"))
    roster.hear(beat("scanner", ServiceState.WARMING), NOW)
    roster.hear(beat("advisor"), NOW - FRESH_MS - 1)
    assert absences(roster) == {"scanner": Absence.STARTING, "advisor": Absence.STALE}


def test_a_replaced_instance_disappears_and_a_silent_one_is_forgotten_later():
    roster = Roster(("scanner", "advisor"))
    roster.hear(beat("scanner", instance="old"), NOW)
    roster.hear(beat("advisor", instance="gone"), NOW)
    later = NOW + 7 * FRESH_MS
    roster.hear(beat("scanner", instance="new"), later)
    assert [row.instance for row in roster.rows(later)] == ["gone", "new"]
    assert [row.fresh for row in roster.rows(later)] == [False, True]
    assert [row.instance for row in roster.rows(NOW + FORGET_MS + 1)] == ["new"]


def test_facts_are_those_of_the_active_one_while_it_lives():
    roster = Roster(("bracket_guard",))
    roster.hear(beat("bracket_guard", ServiceState.STANDBY, "a2", active=False).model_copy(update={"facts": {"naked_max_ms": "9"}}), NOW)
    assert roster.fact("bracket_guard", "naked_max_ms", NOW) is None
    roster.hear(beat("bracket_guard").model_copy(update={"facts": {"naked_max_ms": "740"}}), NOW)
    assert whole_number(roster.fact("bracket_guard", "naked_max_ms", NOW)) == 740
    assert roster.fact("bracket_guard", "other", NOW) is None
    assert whole_number(roster.fact("bracket_guard", "naked_max_ms", NOW + FRESH_MS + 1)) is None
    assert whole_number("seven") is None
