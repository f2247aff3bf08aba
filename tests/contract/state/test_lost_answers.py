"""A call whose answer got lost on the way is made again by the client, and counts once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.contracts.control import Command
from shared.domain.control import TradingState
from shared.state.port import ExposureCaps, ReserveOutcome
from shared.state.redis_store import RedisState
from tests.contract.state.conftest import RedisWorld

pytestmark = pytest.mark.contract


class Cutter:
    """A relay to the server that hangs up when the next answer arrives, instead of passing it on."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self.cut_next = False
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, back_writer))
                group.create_task(self._pump(back_reader, writer, answers=True))
        finally:
            for end in (writer, back_writer):
                end.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool = False) -> None:
        while data := await source.read(65536):
            if answers and self.cut_next and b"NOSCRIPT" not in data:
                self.cut_next, self.cuts = False, self.cuts + 1
                break
            sink.write(data)
            await sink.drain()
        sink.close()


@pytest.fixture
async def cut(real: RedisWorld) -> AsyncIterator[tuple[Cutter, RedisState]]:
    cutter = Cutter(real.server.port)
    relay = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    port = relay.sockets[0].getsockname()[1]
    state = RedisState(f"redis://127.0.0.1:{port}/0", real.keys.account, timeout_s=5)
    await state.ping()
    yield cutter, state
    await state.close()
    relay.close()


async def test_each_write_counts_once(real: RedisWorld, cut: tuple[Cutter, RedisState]) -> None:
    cutter, state = cut
    day = await real.today()
    await state.init_control(TradingState.RUNNING, author="a", now_ms=1)

    cutter.cut_next = True
    assert (await state.command(Command.STOP, author="a", reason="", now_ms=2)).epoch == 2
    cutter.cut_next = True
    assert await state.ledger_begin("d", "m", 60) is None
    cutter.cut_next = True
    made = await state.config_apply({"a": "1"}, expected_revision=0, author="a", now_ms=1)
    assert made is not None
    assert await state.config_history() == [made]
    cutter.cut_next = True
    reserved = await state.budget_reserve("r", day=day, limit_uusd=10, amount_uusd=7, ttl_ms=60_000)
    assert (reserved.outcome, reserved.reserved_uusd) == (ReserveOutcome.REPLAYED, 7)
    cutter.cut_next = True
    assert (await state.budget_settle("r", actual_uusd=3)).spent_uusd == 3
    cutter.cut_next = True
    caps = ExposureCaps(margin_uusd=7, risk_uusd=7, max_open=1, max_per_symbol=1)
    assert (await state.exposure_reserve("e", "BTCUSDT", margin_uusd=7, risk_uusd=7, caps=caps)).granted
    cutter.cut_next = True
    first = await state.acquire("executor", "a", 60_000)
    assert await state.acquire("executor", "a", 60_000) == first
    assert cutter.cuts == 7
