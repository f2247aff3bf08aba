import asyncio

import pytest

from shared.runtime import children
from shared.runtime.children import Children


class Done(Exception):
    pass


async def test_a_task_that_misses_one_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "CLEAN_UP_S", 0.01)
    monkeypatch.setattr(children, "AGAIN_S", 0.01)
    missed: list[str] = []

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            missed.append("once")
        await asyncio.Event().wait()

    async def end() -> None:
        await asyncio.sleep(0)
        raise Done

    insisting = None
    try:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            tasks = Children(group)
            insisting = asyncio.create_task(tasks.insist())
            tasks.create_task(deaf_once())
            tasks.create_task(end())
    except* Done:
        missed.append("ended")
    finally:
        assert insisting is not None
        insisting.cancel()
    assert missed == ["once", "ended"]
