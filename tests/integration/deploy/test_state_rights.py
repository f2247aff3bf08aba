"""The rights of the containers are enough for a snapshot and for an import, and for no more than that."""

from fnmatch import fnmatch

import pytest

from services.commands.secret_files import SecretFiles
from services.commands.state_store import present, replace
from shared.domain.control import TradingState
from shared.domain.errors import MrasterError
from shared.state.keys import Keys
from shared.state.redis_store import RedisState
from shared.state.sections import records
from tests.integration.deploy.test_redis_users import Store, made, store

KEYS = Keys("main")
pytestmark = pytest.mark.integration
__all__ = ["made", "store"]


def state_of(store: Store, user: str) -> RedisState:
    return RedisState(f"redis://{user}:{store.words[user]}@127.0.0.1:{store.port}/0", "main")


async def test_operator_and_advisor_can_do_their_part(store: Store) -> None:
    operator, advisor, executor = (state_of(store, user) for user in ("operator", "advisor", "executor"))
    try:
        await executor.init_control(TradingState.RUNNING, author="test", now_ms=1)
        assert "control" in await records(advisor)
        made_ = await replace(operator, KEYS, lambda _: {"draft": {"kind": "draft"}})
        assert await advisor.get_all(KEYS.learning) == made_
        found = await present(operator, KEYS)
        assert found.learning == made_
        lease = await advisor.acquire("active-advisor", "advisor-1", 5_000)
        assert lease is not None
        assert (await advisor.replace_fenced(KEYS.learning, {}, lease)).value == "done"
    finally:
        for state in (operator, advisor, executor):
            await state.close()


@pytest.mark.parametrize("user", ["scanner", "sentinel", "executor", "bracket_guard"])
async def test_nobody_else_replaces_what_was_learned(store: Store, user: str) -> None:
    state = state_of(store, user)
    try:
        with pytest.raises(MrasterError):
            await replace(state, KEYS, lambda _: {})
    finally:
        await state.close()


def test_the_page_may_only_read_what_was_learned(made: SecretFiles) -> None:
    """By the rules themselves: an old redis-server knows no rights to read only, so the page's user cannot be tried on it."""
    (line,) = [line for line in made.files["redis_users.acl"].splitlines() if line.startswith("user dashboard ")]
    reads = [word.removeprefix("%R~") for word in line.split() if word.startswith("%R~")]
    writes = [word.removeprefix("~") for word in line.split() if word.startswith("~")]
    assert any(fnmatch(KEYS.learning, pattern) for pattern in reads)
    assert not any(fnmatch(KEYS.learning, pattern) for pattern in writes)
