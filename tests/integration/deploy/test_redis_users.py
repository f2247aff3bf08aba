"""The Redis users of the containers, on a real server: each reaches the keys that its service owns."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.commands import secret_files
from shared.config.envfile import parse_env
from tests.fakes.eventually import eventually
from tests.fakes.servers import binary, free_port

ROOT = Path(__file__).parents[3]
ONCE = Retry(NoBackoff(), 0)
pytestmark = pytest.mark.integration

OWN_KEYS = {
    "scanner": {"universe", "members:scanner"},
    "sentinel": {"sentinel", "lease:active-sentinel", "fence:active-sentinel"},
    "advisor": {"learning", "budget:2026-01-02", "budget:open", "lease:active-advisor", "fence:active-advisor"},
    "executor": {
        "control",
        "account",
        "intent",
        "position",
        "position:closing",
        "exposure",
        "doctor",
        "ledger:executor-plan:x",
        "lease:active-executor",
        "fence:active-executor",
    },
    "bracket_guard": {"bracket", "lease:active-bracket_guard", "fence:active-bracket_guard"},
    "dashboard": {"control", "config", "config:history", "vault"},
    "operator": {"control", "learning", "lease:active-advisor", "fence:active-advisor", "doctor"},
}
ALL_KEYS = sorted(set().union(*OWN_KEYS.values()) | {"vault", "something:new"})
HIDDEN = {"vault"}


@dataclass
class Store:
    """A redis-server with the users of the containers."""

    port: int
    words: dict[str, str]
    reads_apart: bool
    """Whether this server knows rights to read only (7.0 and newer)."""

    def client(self, user: str) -> redis.Redis:
        return redis.Redis(port=self.port, username=user, password=self.words[user], retry=ONCE, protocol=2)


@pytest.fixture(scope="module")
def made() -> secret_files.SecretFiles:
    return secret_files.make((ROOT / "deploy" / "redis" / "users.acl").read_text())


@pytest.fixture(scope="module")
def store(made: secret_files.SecretFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("redis")
    version = subprocess.run([binary("redis-server"), "--version"], capture_output=True, text=True, check=True).stdout
    reads_apart = int(version.partition("v=")[2].partition(".")[0]) >= 7
    rules = made.files["redis_users.acl"]
    (folder / "users.acl").write_text(rules if reads_apart else rules.replace("%R~", "~"))
    config = (ROOT / "deploy" / "redis" / "redis.conf").read_text()
    port = free_port()
    for here, there in (("port 6379", f"port {port}"), ("dir /data", f"dir {folder}"), ("/run/secrets/redis_users", f"{folder}/users.acl")):
        assert here in config
        config = config.replace(here, there)
    (folder / "redis.conf").write_text(f"{config}\nbind 127.0.0.1\n")
    envs = {name: parse_env(made.files[f"{'provision' if name == 'operator' else name}.env"]) for name in OWN_KEYS}
    words = {name: env["ASTER_REDIS_URL"].partition(f"{name}:")[2].partition("@")[0] for name, env in envs.items()}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([binary("redis-server"), str(folder / "redis.conf")], stdout=log, stderr=log)
        try:
            made_store = Store(port, words, reads_apart)
            asyncio.run(eventually(lambda: _answers(port, process), within_s=15, what=(folder / "log").read_text()))
            yield made_store
        finally:
            process.terminate()
            process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "redis-server refused its configuration"
    try:
        with redis.Redis(port=port, username="health", password="any", retry=ONCE, protocol=2) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.mark.parametrize("user", sorted(OWN_KEYS))
def test_each_service_writes_its_own_keys_only(store: Store, user: str) -> None:
    with store.client(user) as client:
        assert client.ping()
        for key in ALL_KEYS:
            name = f"mr:main:{key}"
            try:
                client.execute_command("EVAL", "return redis.call('EXISTS', KEYS[1])", 1, name)
                writes = True
            except redis.exceptions.NoPermissionError:
                writes = False
            if key in OWN_KEYS[user]:
                assert writes, key
            elif store.reads_apart:
                assert not writes, key


def test_credentials_are_read_by_the_dashboard_alone(store: Store) -> None:
    for user in sorted(set(OWN_KEYS) - {"dashboard", "operator"}):
        with store.client(user) as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.hgetall("mr:main:vault")
    with store.client("dashboard") as client:
        assert client.hgetall("mr:main:vault") == {}


@pytest.mark.parametrize("user", sorted(OWN_KEYS))
def test_nobody_wipes_lists_or_configures(store: Store, user: str) -> None:
    for command in (
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("KEYS", "*"),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("SHUTDOWN",),
        ("DEBUG", "SLEEP", "0"),
    ):
        with store.client(user) as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)


def test_strangers_are_refused_and_the_health_check_can_only_ping(store: Store) -> None:
    with redis.Redis(port=store.port, retry=ONCE, protocol=2) as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.ping()
    with redis.Redis(port=store.port, username="health", password="any", retry=ONCE, protocol=2) as client:
        assert client.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.get("mr:main:control")
