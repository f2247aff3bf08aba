"""Lanes: order within a key, side by side across keys, work taken back."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.bus.lanes import Lanes
from tests.fakes.eventually import eventually


class Track:
    """Work that yields a few times and remembers."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.running: list[str] = []
        self.most = 0

    async def __call__(self, item: tuple[str, int]) -> None:
        assert item[0] not in self.running
        self.running.append(item[0])
        self.most = max(self.most, len(self.running))
        for _ in range(item[1] % 4):
            await asyncio.sleep(0)
        self.running.remove(item[0])
        self.done.append(item)


async def _run(width: int, items: list[tuple[str, int]]) -> Track:
    track = Track()
    lanes = Lanes(width, track)
    for item in items:
        lanes.put(item[0], item)
    tasks = [asyncio.create_task(lanes.run_one()) for _ in range(width)]
    await eventually(lambda: len(track.done) == len(items))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return track


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.lists(st.sampled_from("ABCD"), max_size=40))
def test_keys_keep_their_order_and_never_overlap(width: int, keys: list[str]) -> None:
    items = [(key, number) for number, key in enumerate(keys)]
    track = asyncio.run(_run(width, items))
    for key in "ABCD":
        assert [n for k, n in track.done if k == key] == [n for k, n in items if k == key]
    assert track.most <= width
    if width == 1:
        assert track.done == items


async def test_one_busy_key_leaves_the_other_lanes_to_others() -> None:
    gate = asyncio.Event()
    done: list[str] = []

    async def work(item: str) -> None:
        if item == "slow":
            await gate.wait()
        done.append(item)

    lanes = Lanes(2, work)
    for item in ("slow", "slow", "a", "b", "c"):
        lanes.put(item, item)
    tasks = [asyncio.create_task(lanes.run_one()) for _ in range(2)]
    await eventually(lambda: done == ["a", "b", "c"])
    assert lanes.starving
    gate.set()
    await eventually(lambda: len(done) == 5)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_what_no_lane_has_begun_can_be_taken_back() -> None:
    gate = asyncio.Event()
    begun: list[int] = []

    async def work(item: int) -> None:
        begun.append(item)
        await gate.wait()

    lanes = Lanes(2, work)
    tasks = [asyncio.create_task(lanes.run_one()) for _ in range(2)]
    for item in range(6):
        lanes.put(str(item % 3), item)
    await eventually(lambda: len(begun) == 2)
    assert sorted(lanes.take_back() + begun) == list(range(6))
    gate.set()
    lanes.put("1", 9)
    await eventually(lambda: 9 in begun)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def test_at_least_one_lane() -> None:
    async def work(_item: int) -> None: ...

    with pytest.raises(ValueError, match="at least one lane"):
        Lanes(0, work)
