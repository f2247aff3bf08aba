"""How tests are spread over the workers: one file is one piece of work, the slowest pieces come first.

Fixtures of a module are then made once, and no worker is left alone with a long piece at the end. (`--dist loadgroup` relies on node
ids that can be renamed; newer pytest has none, and then it groups nothing without saying so.)
"""

from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadScopeScheduling

EACH_ALONE = ("tests/integration/product/test_kill.py",)
"""Files whose tests share nothing and take long: each test is a piece of its own."""

SLOWEST_FIRST = (
    "tests/integration/product/test_lock_step.py",
    "tests/integration/product/",
    "tests/chaos/",
    "tests/integration/local/",
    "tests/integration/",
    "tests/e2e/",
    "tests/contract/",
)


def piece(nodeid: str) -> str:
    """What a test is handed out with."""
    path = nodeid.partition("::")[0]
    return nodeid if path in EACH_ALONE else path


def rank(nodeid: str) -> int:
    """The place of a test's folder among the slow ones."""
    return next((place for place, start in enumerate(SLOWEST_FIRST) if nodeid.startswith(start)), len(SLOWEST_FIRST))


def in_order(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Slow ones first, otherwise as they were collected."""
    return sorted(items, key=lambda item: rank(item.nodeid))


class ByFile(LoadScopeScheduling):
    """The scheduler of pytest-xdist for scopes, with our pieces as scopes."""

    def _split_scope(self, nodeid: str) -> str:
        return piece(nodeid)
