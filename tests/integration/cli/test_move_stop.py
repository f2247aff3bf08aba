"""`mraster move-stop` when something is wrong: what it says is what may have happened."""

import asyncio
from pathlib import Path

import pytest
import typer

from services.commands.move_stop import move_stop
from shared.bus.nats_bus import NatsBus
from shared.config.registry import name_of
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.runtime.clock import SystemClock
from tests.fakes.servers import NatsServer

pytestmark = pytest.mark.integration


async def provision(nats: NatsServer, *names: str) -> None:
    bus = NatsBus(nats.url, Producer("cli", "cli", "main"), SystemClock())
    await bus.connect(10)
    await bus.provision([stream for stream in STREAMS if stream.name in names])
    await bus.close()


async def asked(nats: NatsServer) -> int:
    """How many commands were published."""
    bus = NatsBus(nats.url, Producer("cli", "cli", "main"), SystemClock())
    await bus.connect(10)
    info = await bus._link.js.stream_info("CONTROL")
    await bus.close()
    return int(info.state.messages)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nats_server: NatsServer) -> NatsServer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name_of("infra.nats_url"), nats_server.url)
    return nats_server


def move(home: Path, symbol: str = "BTCUSDT", reason: str = "") -> int:
    with pytest.raises(typer.Exit) as ended:
        move_stop(symbol, break_even=True, reason=reason, home=home)
    return ended.value.exit_code


def test_who_cannot_hear_the_answer_asks_nothing(place: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(provision(place, "CONTROL"))
    assert move(tmp_path) == 1
    assert "the stop was not moved" in capsys.readouterr().err
    assert asyncio.run(asked(place)) == 0


def test_a_publish_that_is_not_confirmed_may_have_moved_the_stop(
    place: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(provision(place, "BRACKET"))
    assert move(tmp_path) == 1
    assert "may still move" in capsys.readouterr().err


@pytest.mark.parametrize(("symbol", "reason"), [("BTC.USDT", ""), ("BTC USDT", ""), ("BTCUSDT", "\udcff")])
def test_what_can_be_no_command_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], symbol: str, reason: str) -> None:
    assert move(tmp_path, symbol, reason) == 2
    assert "expected" in capsys.readouterr().err
