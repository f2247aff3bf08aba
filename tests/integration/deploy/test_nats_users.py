"""The NATS users of the containers, on a real server: each can do what its service does, and nothing that is another's."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from services.commands import secret_files
from services.commands.catalog import SERVICES, Entry
from shared.bus.nats_bus import NatsBus
from shared.bus.port import Consumption
from shared.config.envfile import parse_env
from shared.contracts.bracket import BracketEvent, BracketEventKind
from shared.contracts.envelope import Outgoing, Producer
from shared.contracts.ops import LogRecord
from shared.contracts.registry import MODELS
from shared.contracts.topic import BRACKET_EVENT, STREAMS, Topic
from shared.domain.errors import BusUnavailable
from shared.runtime.clock import SystemClock
from shared.runtime.service import On
from tests.fakes.eventually import eventually
from tests.fakes.servers import binary, free_port
from tools.render_nats import ROLES, render

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.integration

MAY_PUBLISH = {
    "scanner": {"md.candle", "signal.candidate", "signal.skip", "alert", "dlq"},
    "sentinel": {"sentinel", "alert", "dlq"},
    "advisor": {"plan", "ai.receipt", "ai.playbook", "ai.postmortem", "ai.tuning", "ai.budget", "ai.learning", "alert", "dlq"},
    "executor": {"order", "position", "trade.closed", "alert", "dlq"},
    "bracket_guard": {"bracket", "alert", "dlq"},
    "dashboard": {"control", "control.stop_move", "config.changed", "alert", "dlq"},
    "provision": {"control", "control.stop_move"},
}
CONSUMES = {role.name: role.durables for role in ROLES if role.consumes}


@dataclass
class Broker:
    """A nats-server with the configuration of the containers."""

    port: int
    logins: dict[str, str]

    def url(self, user: str) -> str:
        return self.logins[user].replace("@nats:4222", f"@127.0.0.1:{self.port}")


@pytest.fixture(scope="module")
def made() -> secret_files.SecretFiles:
    return secret_files.make((ROOT / "deploy" / "redis" / "users.acl").read_text())


@pytest.fixture(scope="module")
def broker(made: secret_files.SecretFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("nats")
    config = (ROOT / "deploy" / "nats" / "nats.conf").read_text()
    port = free_port()
    for here, there in (
        ('"0.0.0.0:4222"', f'"127.0.0.1:{port}"'),
        ('"0.0.0.0:8222"', f'"127.0.0.1:{free_port()}"'),
        ('"/data"', f'"{folder}/data"'),
    ):
        assert here in config
        config = config.replace(here, there)
    (folder / "nats.conf").write_text(config)
    (folder / "passwords.conf").write_text(made.files["nats_passwords.conf"])
    checked = subprocess.run([binary("nats-server"), "-c", str(folder / "nats.conf"), "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    logins = {user: parse_env(made.files[f"{user}.env"])["ASTER_NATS_URL"] for user in MAY_PUBLISH}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([binary("nats-server"), "-c", str(folder / "nats.conf")], stdout=log, stderr=log)
        try:
            asyncio.run(_provisioned(Broker(port, logins)))
            yield Broker(port, logins)
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(folder / "data", ignore_errors=True)


async def _provisioned(broker: Broker) -> None:
    """What the job does; twice, as `docker compose up` does it again."""
    bus = NatsBus(broker.url("provision"), Producer("cli", "cli", "main"), SystemClock())
    await bus.connect(20)
    await bus.provision(STREAMS)
    await bus.provision(STREAMS)
    await bus.close()


@dataclass
class User:
    client: Client
    refused: list[str]

    async def settled(self) -> None:
        """What was sent has reached the server, and its answers have reached us: the second PONG comes after them."""
        for _ in range(2):
            await asyncio.sleep(0)  # the flusher writes before the PING
            await self.client.flush(2)

    async def refuses(self, subject: str) -> bool:
        """Whether the server refuses a publish: it answers a violation before the PONG of a later PING."""
        self.refused.clear()
        await self.client.publish(subject, b"{}")
        await self.settled()
        return any("permissions violation" in text for text in self.refused)


Connect = Callable[[str], Awaitable[User]]


@pytest.fixture
async def connect(broker: Broker) -> AsyncIterator[Connect]:
    """Plain clients of users; `denied` tells what the server refused."""
    clients: list[Client] = []

    async def open_client(user: str) -> "User":
        refused: list[str] = []

        async def note(error: Exception) -> None:
            refused.append(str(error))

        inbox = "cli" if user == "provision" else user
        client = await nats.connect(broker.url(user), inbox_prefix=f"_INBOX_{inbox}", error_cb=note, allow_reconnect=False)
        clients.append(client)
        return User(client, refused)

    yield open_client
    for client in clients:
        await client.close()


def test_the_file_is_what_the_roles_say() -> None:
    assert (ROOT / "deploy" / "nats" / "nats.conf").read_text() == render()


def a_subject(topic: Topic, service: str) -> str:
    tokens = {"service": service, "topic": "plan", "interval": "5m"}
    return topic.subject(*(tokens.get(key, "x") for key in topic.keys))


async def nothing(_payload: object, _meta: object) -> list[Outgoing]:
    """A handler."""
    return []


TOPICS = sorted({model.topic.name: model.topic for model in MODELS.values()}.items())


@pytest.mark.parametrize("user", sorted(MAY_PUBLISH))
async def test_each_publishes_its_own_topics_and_no_other(connect: Connect, user: str) -> None:
    client = await connect(user)
    allowed = {name for name, topic in TOPICS if not await client.refuses(a_subject(topic, user))}
    core = set() if user == "provision" else {"hb", "log"}
    assert allowed == MAY_PUBLISH[user] | core


@pytest.mark.parametrize("user", [user for user in sorted(MAY_PUBLISH) if user != "provision"])
async def test_none_speaks_for_another(connect: Connect, user: str) -> None:
    client = await connect(user)
    other = "advisor" if user != "advisor" else "scanner"
    for subject in (f"hb.v1.{other}.x", f"log.v1.{other}.info", f"dlq.v1.{other}.plan", f"_INBOX_{other}.x"):
        assert await client.refuses(subject), subject


@pytest.mark.parametrize("user", sorted(MAY_PUBLISH))
async def test_nobody_removes_or_empties_a_stream(connect: Connect, user: str) -> None:
    client = await connect(user)
    for action in ("DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"):
        assert await client.refuses(f"$JS.API.STREAM.{action}.ORDER"), action
    if user != "provision":
        for action in ("CREATE", "UPDATE"):
            assert await client.refuses(f"$JS.API.STREAM.{action}.ORDER"), action


@pytest.mark.parametrize("user", sorted(MAY_PUBLISH))
async def test_durables_of_others_are_out_of_reach(connect: Connect, user: str) -> None:
    client = await connect(user)
    for owner, durables in CONSUMES.items():
        for stream, durable, pattern in durables if owner != user else []:
            for subject in (
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
                f"$JS.API.CONSUMER.DELETE.{stream}.{durable}",
                f"$JS.API.CONSUMER.CREATE.{stream}.{durable}.{pattern}",
                f"$JS.API.CONSUMER.CREATE.{stream}.{durable}",
                f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{durable}",
                f"$JS.ACK.{stream}.{durable}.1.1.1.1.0",
            ):
                assert await client.refuses(subject), subject


async def test_only_the_dashboard_listens_to_all_services(connect: Connect) -> None:
    for user in sorted(MAY_PUBLISH):
        client = await connect(user)
        for subject in ("hb.v1.*.*", "order.v1.>", ">", "_INBOX_executor.>" if user != "executor" else "_INBOX_scanner.>"):
            client.refused.clear()
            await client.client.subscribe(subject)
            await client.settled()
            listens = user == "dashboard" and subject == "hb.v1.*.*"
            assert bool(client.refused) is not listens, (user, subject)


@pytest.mark.parametrize("entry", SERVICES, ids=lambda entry: entry.name)
def test_the_table_above_is_what_the_services_declare(entry: Entry) -> None:
    """Topics are read from the source of `build`, so that a new consumer without a permission fails here."""
    name = entry.name
    source = Path(str(import_module(f"services.{name}.service").__file__)).read_text()
    topics = import_module("shared.contracts.topic")
    found = []
    for word in re.findall(r"\b[oO]n\(\s*topic\.(\w+)", source):
        topic: Topic = getattr(topics, word)
        assert topic.stream is not None
        found.append((topic.stream.name, On(topic, nothing).consumption(name).durable, topic.pattern))
    assert sorted(found) == sorted(row for row in CONSUMES.get(name, []) if "-learner-" not in row[1])


@pytest.mark.parametrize("user", sorted(CONSUMES))
async def test_own_durable_works(broker: Broker, user: str) -> None:
    topics = {topic.pattern: topic for _, topic in TOPICS}

    consumptions = [Consumption(durable=durable, topic=topics[pattern], handler=nothing) for _, durable, pattern in CONSUMES[user]]
    bus = NatsBus(broker.url(user), Producer(user, "one", "main"), SystemClock())
    await bus.connect(10)
    work = asyncio.create_task(bus.consume(consumptions, lanes=2))

    async def made() -> bool:
        assert not work.done(), work.exception()
        try:
            return await bus.lag() >= 0
        except BusUnavailable:
            return False

    await eventually(made, within_s=20, every_s=0.1)
    await asyncio.wait({work}, timeout=0.5)  # a refusal would come with the first pull
    assert not work.done(), work.exception()
    await bus.ping()
    await bus.drain(2)
    await work
    await bus.close()


async def test_dashboard_follows_streams_and_logs(broker: Broker) -> None:
    bus = NatsBus(broker.url("dashboard"), Producer("dashboard", "one", "main"), SystemClock())
    scanner = NatsBus(broker.url("scanner"), Producer("scanner", "one", "main"), SystemClock())
    await bus.connect(10)
    await scanner.connect(10)
    tail = bus.tail(("log.v1.*.*", "trade.v1.closed.*", "order.v1.*.*", "control.v1.*"), since="all")
    first = asyncio.ensure_future(anext(tail))
    record = LogRecord(service="scanner", instance="one", level="info", event="hello", wall_ms=1)
    while not first.done():
        scanner.send(Outgoing(record, ts_ms=1))
        await asyncio.wait({first}, timeout=0.1)
    payload, _ = first.result()
    assert payload == record
    await tail.aclose()  # type: ignore[attr-defined]
    await bus.close()
    await scanner.close()


async def test_who_gives_commands_hears_what_the_guard_answers(broker: Broker) -> None:
    asking = NatsBus(broker.url("provision"), Producer("cli", "cli", "main"), SystemClock())
    guard = NatsBus(broker.url("bracket_guard"), Producer("bracket_guard", "one", "main"), SystemClock())
    await asking.connect(10)
    await guard.connect(10)
    event = BracketEvent(event=BracketEventKind.MOVED, symbol="BTCUSDT", position_id="abcdefghij", command_id="c1")
    async with asking.following([BRACKET_EVENT.pattern]) as answers:
        await guard.publish(Outgoing(event, ts_ms=1))
        async with asyncio.timeout(10):
            heard, _ = await anext(answers)
    assert heard == event
    await asking.close()
    await guard.close()


async def test_scanner_reads_what_it_published_before(broker: Broker) -> None:
    bus = NatsBus(broker.url("scanner"), Producer("scanner", "one", "main"), SystemClock())
    await bus.connect(10)
    tail = bus.tail(("md.v1.candle.5m.*",), since="last_per_subject")
    first = asyncio.ensure_future(anext(tail))
    done, _ = await asyncio.wait({first}, timeout=1.0)
    assert not done, first.exception()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await bus.close()


async def test_wrong_password_is_refused(broker: Broker) -> None:
    for url in (broker.url("scanner").replace("scanner:", "scanner:0"), f"nats://127.0.0.1:{broker.port}"):
        with pytest.raises(BusUnavailable, match="correct the NATS address and password"):
            await NatsBus(url, Producer("scanner", "one", "main"), SystemClock()).connect(1.0)
