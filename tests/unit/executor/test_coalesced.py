import asyncio
from types import SimpleNamespace
from typing import Any, cast

from services.executor.coalesced import Coalesced
from shared.runtime.chores import Chore, Chores
from tests.fakes.eventually import eventually


class Queue:
    """Runs each chore as a task."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []

    def add(self, _name: str, chore: Chore) -> None:
        self.tasks.append(asyncio.ensure_future(cast("Any", chore())))


async def test_a_burst_is_one_piece_of_work_and_what_comes_later_is_another() -> None:
    done = SimpleNamespace(count=0)
    gate = asyncio.Event()

    async def work() -> None:
        done.count += 1
        await gate.wait()

    queue = Queue()
    soon = Coalesced(cast("Chores", queue), "reconcile", work, gather_s=0.01)
    for _ in range(200):
        soon.ask("a fill")
    await eventually(lambda: done.count == 1)
    assert len(queue.tasks) == 1
    for _ in range(200):
        soon.ask("a fill that came while the work went on")
    assert len(queue.tasks) == 2
    gate.set()
    await asyncio.gather(*queue.tasks)
    assert done.count == 2
