import asyncio
from typing import cast

import pytest

from services.executor import fencing
from services.executor.fencing import fenced
from shared.domain.errors import LeaseLost
from shared.runtime.clock import SystemClock
from shared.runtime.context import Context
from shared.state.port import Lease

OLD, NEW = Lease("active-executor", "one", 3), Lease("active-executor", "one", 4)


class Around:
    """What a fenced write needs of a context."""

    def __init__(self, lease: Lease | None) -> None:
        self.lease = lease
        self.clock = SystemClock()


async def test_a_write_with_a_token_that_was_just_replaced_by_our_own_is_made_again() -> None:
    around, tried = Around(OLD), list[int]()

    async def write(lease: Lease) -> bool:
        tried.append(lease.token)
        return lease == NEW

    def renewed() -> None:
        around.lease = NEW

    asyncio.get_running_loop().call_later(0.05, renewed)
    await fenced(cast("Context", around), "the intent x", write)
    assert tried == [3, 4]


@pytest.mark.parametrize("lease", [OLD, None])
async def test_without_a_new_token_the_process_ends(lease: Lease | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fencing, "PATIENCE_S", 0.05)
    writes = list[Lease]()

    async def write(given: Lease) -> bool:
        writes.append(given)
        return False

    with pytest.raises(LeaseLost, match=r"another instance|never held"):
        await fenced(cast("Context", Around(lease)), "the intent x", write)
    assert len(writes) == (lease is not None)
