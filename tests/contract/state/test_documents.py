from decimal import Decimal

import pytest

from shared.domain.errors import StateCorrupt
from shared.state.port import State
from tests.contract.state.conftest import World

pytestmark = pytest.mark.contract


async def test_a_document_comes_back_as_json(state: State, world: World) -> None:
    key = world.keys.positions
    assert await state.get(key, "BTCUSDT") is None
    assert await state.get_all(key) == {}
    await state.put(key, "BTCUSDT", {"qty": "0.010", "legs": (1, 2), "note": "schön 🟢", "deep": {"x": None, "y": True}})
    await state.put(key, "ETHUSDT", {})
    await state.put(key, "ETHUSDT", {"qty": "2"})
    assert await state.get(key, "BTCUSDT") == {"qty": "0.010", "legs": [1, 2], "note": "schön 🟢", "deep": {"x": None, "y": True}}
    assert set(await state.get_all(key)) == {"BTCUSDT", "ETHUSDT"}
    assert await state.get_many(key, ("ETHUSDT", "never there")) == {"ETHUSDT": {"qty": "2"}}
    assert await state.get_many(key, ()) == {}
    assert await state.get(world.keys.brackets, "BTCUSDT") is None, "another kind"


async def test_drop_removes_what_is_named(state: State, world: World) -> None:
    key = world.keys.intents
    for field in ("a", "b", "c"):
        await state.put(key, field, {"n": field})
    await state.drop(key)
    await state.drop(key, "a", "c", "never there")
    assert await state.get_all(key) == {"b": {"n": "b"}}
    await state.drop("mr:no:such:key", "a")


@pytest.mark.parametrize("junk", ["", "{", "[1]", "7", "null", '"text"', "\x00\x01", "nan"])
async def test_junk_is_corrupt_and_stays_there(state: State, world: World, junk: str) -> None:
    key = world.keys.positions
    await world.plant(key, "BTCUSDT", junk)
    with pytest.raises(StateCorrupt, match="expected a JSON object"):
        await state.get(key, "BTCUSDT")
    with pytest.raises(StateCorrupt, match="BTCUSDT"):
        await state.get_all(key)
    with pytest.raises(StateCorrupt, match="BTCUSDT"):
        await state.get_many(key, ("ETHUSDT", "BTCUSDT"))


async def test_a_decimal_is_refused_before_it_is_sent(state: State, world: World) -> None:
    with pytest.raises(TypeError):
        await state.put(world.keys.positions, "BTCUSDT", {"qty": Decimal(1)})
    assert await state.get(world.keys.positions, "BTCUSDT") is None
