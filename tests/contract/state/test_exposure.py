import asyncio

import pytest

from shared.domain.errors import StateCorrupt
from shared.state.port import ExposureAnswer, ExposureCaps, State
from tests.contract.state.conftest import RedisWorld, World

pytestmark = pytest.mark.contract

CAPS = ExposureCaps(margin_uusd=1000, risk_uusd=100, max_open=3, max_per_symbol=1)


async def reserve(state: State, name: str, symbol: str, margin: int, risk: int, caps: ExposureCaps = CAPS) -> ExposureAnswer:
    return await state.exposure_reserve(name, symbol, margin_uusd=margin, risk_uusd=risk, caps=caps)


def granted(margin: int, risk: int) -> ExposureAnswer:
    return ExposureAnswer(granted=True, cap=None, margin_uusd=margin, risk_uusd=risk)


def refused(cap: str, margin: int, risk: int) -> ExposureAnswer:
    return ExposureAnswer(granted=False, cap=cap, margin_uusd=margin, risk_uusd=risk)


async def test_each_cap_refuses_by_its_name(state: State) -> None:
    assert await reserve(state, "a", "BTCUSDT", 400, 30) == granted(400, 30)
    assert await reserve(state, "b", "ETHUSDT", 601, 1) == refused("margin", 400, 30)
    assert await reserve(state, "b", "ETHUSDT", 600, 71) == refused("risk", 400, 30)
    assert await reserve(state, "b", "BTCUSDT", 1, 1) == refused("max_per_symbol", 400, 30)
    assert await reserve(state, "b", "ETHUSDT", 600, 70) == granted(1000, 100)
    assert await reserve(state, "c", "SOLUSDT", 0, 0) == granted(1000, 100)
    assert await reserve(state, "d", "BNBUSDT", 0, 0) == refused("max_open", 1000, 100)


async def test_the_same_id_counts_once(state: State) -> None:
    await reserve(state, "a", "BTCUSDT", 400, 30)
    assert await reserve(state, "a", "BTCUSDT", 400, 30) == granted(400, 30)
    tight = ExposureCaps(margin_uusd=0, risk_uusd=0, max_open=1, max_per_symbol=1)
    assert await reserve(state, "a", "BTCUSDT", 400, 30, tight) == granted(400, 30)
    assert await state.exposure_entries() == {"a": ("BTCUSDT", 400, 30)}


async def test_a_release_makes_room(state: State) -> None:
    await reserve(state, "a", "BTCUSDT", 1000, 100)
    assert not (await reserve(state, "b", "ETHUSDT", 1, 1)).granted
    await state.exposure_release("a")
    await state.exposure_release("a")
    assert await state.exposure_entries() == {}
    assert (await reserve(state, "b", "ETHUSDT", 1, 1)).granted


async def test_zero_means_no_limit_for_the_counts(state: State) -> None:
    free = ExposureCaps(margin_uusd=1000, risk_uusd=1000, max_open=0, max_per_symbol=0)
    for i in range(8):
        assert (await reserve(state, str(i), "BTCUSDT", 1, 1, free)).granted
    assert not (await reserve(state, "8", "BTCUSDT", 993, 1, free)).granted


async def test_odd_names_come_back(state: State) -> None:
    await reserve(state, "id|with:marks", "1000SHIB|USDT", 7, 3)
    assert await state.exposure_entries() == {"id|with:marks": ("1000SHIB|USDT", 7, 3)}


async def test_large_amounts_are_exact(state: State) -> None:
    large = 2**53 - 1
    caps = ExposureCaps(margin_uusd=large, risk_uusd=large, max_open=0, max_per_symbol=0)
    assert await reserve(state, "a", "BTCUSDT", large - 1, 123_456_789_012_345, caps) == granted(large - 1, 123_456_789_012_345)
    assert await reserve(state, "b", "BTCUSDT", 2, 0, caps) == refused("margin", large - 1, 123_456_789_012_345)
    assert await reserve(state, "b", "BTCUSDT", 1, 0, caps) == granted(large, 123_456_789_012_345)
    with pytest.raises(ValueError, match="micro-USD"):
        await reserve(state, "c", "BTCUSDT", -1, 0, caps)


async def test_a_race_passes_no_cap(world: World) -> None:
    clients = [world.client() for _ in range(4)]
    caps = ExposureCaps(margin_uusd=10_000, risk_uusd=900, max_open=12, max_per_symbol=2)
    amounts = [(100 + 37 * (i % 11), 20 + 7 * (i % 9)) for i in range(60)]
    answers = await asyncio.gather(
        *(reserve(clients[i % 4], f"i{i}", f"S{i % 9}", margin, risk, caps) for i, (margin, risk) in enumerate(amounts))
    )
    entries = await clients[0].exposure_entries()
    assert set(entries) == {f"i{i}" for i, answer in enumerate(answers) if answer.granted}
    assert sum(margin for _, margin, _ in entries.values()) <= caps.margin_uusd
    assert sum(risk for _, _, risk in entries.values()) <= caps.risk_uusd
    assert len(entries) <= caps.max_open
    symbols = [symbol for symbol, _, _ in entries.values()]
    assert max(symbols.count(symbol) for symbol in symbols) <= caps.max_per_symbol
    assert {answer.cap for answer in answers if not answer.granted} <= {"margin", "risk", "max_open", "max_per_symbol"}


async def test_junk_in_the_book_is_corrupt(real: RedisWorld) -> None:
    client = real.client()
    await real.plant(real.keys.exposure, "a", "junk")
    with pytest.raises(StateCorrupt):
        await reserve(client, "b", "BTCUSDT", 1, 1)
    with pytest.raises(StateCorrupt):
        await client.exposure_entries()
