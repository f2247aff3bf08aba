import secrets
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.domain.errors import ConfigError, StateCorrupt
from shared.state.port import State
from shared.state.vault import VaultReader, VaultWriter, create_key_file, read_key
from tests.contract.state.conftest import RedisWorld, World

pytestmark = pytest.mark.contract

KEY = secrets.token_bytes(32)
SECRET = SecretStr("planted-secret-ü")


async def test_what_was_put_is_read_by_who_has_the_key(state: State, world: World) -> None:
    account = world.keys.account
    writer, reader = VaultWriter(state, account, KEY), VaultReader(state, account, KEY)
    assert await reader.get("api_secret") is None
    await writer.put("api_secret", SECRET, now_ms=7)
    await writer.put("api_key", SecretStr(""), now_ms=8)
    assert await reader.get("api_secret") == SECRET
    assert await reader.get("api_key") == SecretStr("")
    assert await writer.names() == {"api_secret": 7, "api_key": 8}
    await writer.remove("api_key")
    assert await writer.names() == {"api_secret": 7}
    assert not hasattr(writer, "get")


async def test_another_key_account_or_place_opens_nothing(state: State, world: World) -> None:
    account = world.keys.account
    await VaultWriter(state, account, KEY).put("api_secret", SECRET, now_ms=7)
    with pytest.raises(StateCorrupt, match="api_secret") as caught:
        await VaultReader(state, account, secrets.token_bytes(32)).get("api_secret")
    assert "planted" not in str(caught.value)
    entry = await state.get(world.keys.vault, "api_secret")
    assert entry is not None
    await state.put(world.keys.vault, "other", entry)
    await state.put(type(world.keys)("elsewhere").vault, "api_secret", entry)
    await state.put(world.keys.vault, "short", {"sealed": "AAAA"})
    await state.put(world.keys.vault, "empty", {})
    for reader, name in (
        (VaultReader(state, account, KEY), "other"),
        (VaultReader(state, "elsewhere", KEY), "api_secret"),
        (VaultReader(state, account, KEY), "short"),
        (VaultReader(state, account, KEY), "empty"),
    ):
        with pytest.raises(StateCorrupt):
            await reader.get(name)


async def test_nothing_readable_lies_in_redis(real: RedisWorld) -> None:
    await VaultWriter(real.client(), real.keys.account, KEY).put("api_secret", SECRET, now_ms=7)
    dumped = repr(await real.raw.hgetall(real.keys.vault))
    assert "planted" not in dumped
    assert KEY.hex() not in dumped


def test_a_key_file_is_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    create_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = read_key(path)
    assert len(key) == 32
    with pytest.raises(FileExistsError):
        create_key_file(path)
    assert read_key(path) == key
    assert read_key(path.read_bytes()) == key


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 31, b"x" * 33, b"\xff" * 40, b"$$$"])
def test_a_key_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="32 bytes"):
        read_key(content)
    with pytest.raises(ConfigError, match="cannot read"):
        read_key(tmp_path / "missing.key")
