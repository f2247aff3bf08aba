"""What the doctor makes of a key's rights."""

import pytest

from services.commands.checkup import CHECKS, Status, rights_finding
from shared.risk.clearance import REQUIRED

GOOD: dict[str, object] = {"enableWithdrawals": False, "enableFutures": True, "ipRestrict": True}


@pytest.mark.parametrize(
    ("rights", "allow", "status", "words"),
    [
        (GOOD, False, Status.OK, "may trade futures"),
        ({**GOOD, "ipRestrict": False}, False, Status.WARNING, "may trade futures"),
        ({**GOOD, "enableWithdrawals": True}, False, Status.FAILED, "may withdraw"),
        ({**GOOD, "enableWithdrawals": True}, True, Status.WARNING, "was accepted"),
        ({**GOOD, "enableWithdrawals": True, "enableFutures": False}, True, Status.FAILED, "may not trade futures"),
        ({"enableFutures": True}, False, Status.FAILED, "does not say"),
        ({"enableFutures": True}, True, Status.FAILED, "does not say"),
        ({**GOOD, "enableWithdrawals": "false"}, False, Status.FAILED, "does not say"),
        ({}, False, Status.FAILED, "does not say"),
    ],
)
def test_a_key_that_may_withdraw_is_refused_unless_a_person_accepts_it(
    rights: dict[str, object],
    allow: bool,  # noqa: FBT001 - a parameter
    status: Status,
    words: str,
) -> None:
    found = rights_finding(rights, allow_withdrawals=allow)
    assert found.status is status
    assert words in found.detail
    assert bool(found.fix) is (status is not Status.OK)


def test_each_check_that_a_clearance_needs_is_made() -> None:
    names = {check.__name__ for check in CHECKS}
    assert {name.removeprefix("leverage_") for name in REQUIRED} <= names
