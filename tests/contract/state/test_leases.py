import asyncio

import pytest

from shared.state.port import Lease, Replaced, State
from tests.contract.state.conftest import World

pytestmark = pytest.mark.contract

LONG_MS = 60_000
SHORT_MS = 150


async def test_one_of_many_gets_it(world: World) -> None:
    clients = [world.client() for _ in range(5)]
    got = await asyncio.gather(*(client.acquire("executor", f"owner-{i}", LONG_MS) for i, client in enumerate(clients)))
    held = [lease for lease in got if lease]
    assert len(held) == 1
    assert await clients[0].holder("executor") == held[0]


async def test_acquiring_again_keeps_the_token_and_others_wait(state: State) -> None:
    first = await state.acquire("executor", "a", LONG_MS)
    assert first is not None
    assert await state.acquire("executor", "a", LONG_MS) == first
    assert await state.acquire("executor", "b", LONG_MS) is None
    assert await state.acquire("sentinel", "b", LONG_MS) is not None, "another role is free"


async def test_a_released_lease_changes_hands_with_the_next_token(state: State) -> None:
    first = await state.acquire("executor", "a", LONG_MS)
    assert first is not None
    await state.release(Lease("executor", "a", first.token - 1))
    await state.release(Lease("executor", "b", first.token))
    assert await state.holder("executor") == first, "only its holder gives it up"
    await state.release(first)
    assert await state.holder("executor") is None
    second = await state.acquire("executor", "b", LONG_MS)
    assert second == Lease("executor", "b", first.token + 1)
    assert not await state.renew(first, LONG_MS)


async def test_takeover_after_expiry_and_renewal_prevents_it(world: World) -> None:
    a, b = world.client(), world.client()
    first = await a.acquire("executor", "a", SHORT_MS)
    assert first is not None
    assert await a.renew(first, SHORT_MS)
    assert await b.acquire("executor", "b", SHORT_MS) is None
    second = await world.eventually(lambda: b.acquire("executor", "b", LONG_MS))
    assert second == Lease("executor", "b", first.token + 1)
    assert not await a.renew(first, LONG_MS), "the old holder learns that it was lost"
    await a.release(first)
    assert await a.holder("executor") == second


async def test_a_zombie_is_fenced_off(world: World) -> None:
    a, b = world.client(), world.client()
    key = world.keys.learning
    old = await a.acquire("advisor", "a", SHORT_MS)
    assert old is not None
    assert await a.put_fenced(key, "policy", {"by": "a"}, old)
    new = await world.eventually(lambda: b.acquire("advisor", "b", LONG_MS))
    assert await b.put_fenced(key, "policy", {"by": "b"}, new)
    assert not await a.put_fenced(key, "policy", {"by": "a, late"}, old)
    assert await a.get(key, "policy") == {"by": "b"}


async def test_an_expired_lease_nobody_took_still_writes(world: World) -> None:
    client = world.client()
    lease = await client.acquire("advisor", "a", SHORT_MS)
    assert lease is not None
    await world.eventually(lambda: _is_free(client))
    assert await client.put_fenced(world.keys.learning, "policy", {"by": "a"}, lease)
    assert not await client.renew(lease, LONG_MS)


async def _is_free(client: State) -> bool:
    return await client.holder("advisor") is None


async def test_a_role_that_was_never_held_fences_everybody(state: State, world: World) -> None:
    assert not await state.put_fenced(world.keys.learning, "policy", {}, Lease("nobody", "a", 1))


async def test_members_come_expire_and_leave(world: World) -> None:
    client = world.client()
    assert await client.join("scanner", "b", SHORT_MS) == ("b",)
    assert await client.join("scanner", "a", LONG_MS) == ("a", "b")

    async def only_a() -> bool:
        return await client.join("scanner", "a", LONG_MS) == ("a",)

    await world.eventually(only_a)
    assert await client.join("scanner", "c", LONG_MS) == ("a", "c")
    await client.leave("scanner", "a")
    await client.leave("scanner", "never there")
    assert await client.join("scanner", "c", LONG_MS) == ("c",)
    assert await client.join("advisor", "x", LONG_MS) == ("x",)


async def test_all_documents_are_replaced_at_once_or_not_at_all(state: State, world: World) -> None:
    key = world.keys.learning
    lease = await state.acquire("active-advisor", "a", 5_000)
    assert lease is not None
    await state.put(key, "old", {"n": 1})
    assert await state.replace_fenced(key, {"new": {"n": 2}}, lease, only_if_empty=True) is Replaced.NOT_EMPTY
    assert await state.replace_fenced(key, {"new": {"n": 2}}, Lease("active-advisor", "a", lease.token - 1)) is Replaced.FENCED
    assert await state.get_all(key) == {"old": {"n": 1}}
    assert await state.replace_fenced(key, {"new": {"n": 2}, "other": {}}, lease) is Replaced.DONE
    assert await state.get_all(key) == {"new": {"n": 2}, "other": {}}
    assert await state.replace_fenced(key, {}, lease) is Replaced.DONE
    assert await state.get_all(key) == {}
    assert await state.replace_fenced(key, {"again": {"n": 3}}, lease, only_if_empty=True) is Replaced.DONE
    assert await state.get_all(key) == {"again": {"n": 3}}


async def test_a_replacement_that_json_has_no_form_for_changes_nothing(state: State, world: World) -> None:
    lease = await state.acquire("active-advisor", "a", 5_000)
    assert lease is not None
    await state.put(world.keys.learning, "old", {"n": 1})
    with pytest.raises(TypeError):
        await state.replace_fenced(world.keys.learning, {"new": {"n": 2}, "bad": {"n": object()}}, lease)
    assert await state.get_all(world.keys.learning) == {"old": {"n": 1}}
