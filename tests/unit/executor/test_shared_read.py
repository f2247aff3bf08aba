import asyncio

import pytest

from services.executor.shared_read import SharedRead
from shared.domain.errors import ExchangeUnavailable


class Source:
    """Counts its reads; each one ends when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()

    async def read(self) -> int:
        self.begun += 1
        mine = self.begun
        await self.gate.wait()
        return mine


async def test_who_asks_during_a_read_waits_for_the_next_one_and_shares_it() -> None:
    source = Source()
    shared = SharedRead(source.read)
    first = asyncio.create_task(shared.get())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source.begun == 1
    later = [asyncio.create_task(shared.get()) for _ in range(50)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await first == 1
    assert set(await asyncio.gather(*later)) == {2}


async def test_an_error_reaches_all_who_shared_it_and_no_later_one() -> None:
    errors = [ExchangeUnavailable("away")]

    async def read() -> int:
        if errors:
            raise errors.pop()
        return 7

    shared = SharedRead(read)
    both = await asyncio.gather(shared.get(), shared.get(), return_exceptions=True)
    assert [type(one) for one in both] == [ExchangeUnavailable, ExchangeUnavailable]
    assert await shared.get() == 7


async def test_a_caller_that_gives_up_does_not_end_the_read_of_the_others() -> None:
    source = Source()
    shared = SharedRead(source.read)
    impatient, patient = asyncio.create_task(shared.get()), asyncio.create_task(shared.get())
    await asyncio.sleep(0)
    impatient.cancel()
    source.gate.set()
    assert await patient == 1
    with pytest.raises(asyncio.CancelledError):
        await impatient
