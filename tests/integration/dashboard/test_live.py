"""The WebSocket: snapshot, numbered changes, resync, and clients that do not keep up."""

import asyncio
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from services.dashboard import hub as hub_module
from services.dashboard.hub import Hub
from services.dashboard.logic.answers import Times
from services.dashboard.logic.mode import paper_mode
from services.dashboard.logic.view import View
from shared.contracts.order import ExitReason
from tests.fakes.eventually import eventually
from tests.integration.dashboard import facts, stage
from tests.integration.dashboard.rig import Rig


def open_socket(rig: Rig) -> connect:
    return connect(rig.base.replace("http", "ws") + "/ws", origin=rig.base, proxy=None)  # type: ignore[arg-type]


async def frame(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        found: dict[str, Any] = orjson.loads(await socket.recv())
        return found


async def frames_for_ever(socket: ClientConnection) -> None:
    while True:
        await frame(socket)


async def test_a_snapshot_then_numbered_changes(rig: Rig):
    async with open_socket(rig) as socket:
        first = await frame(socket)
        assert first["kind"] == "snapshot"
        await stage.play(rig)
        seen: dict[str, Any] = {}
        seq = first["seq"]
        while not {"positions", "trades", "decisions", "funnel", "equity", "account"} <= seen.keys():
            delta = await frame(socket)
            assert (delta["kind"], delta["seq"]) == ("delta", seq + 1)
            seq = delta["seq"]
            seen |= delta
        assert "logs" in first


async def test_deltas_lead_to_what_a_new_page_gets(rig: Rig):
    async with open_socket(rig) as socket:
        first = await frame(socket)
        trades = {row["position_id"]: row for row in first["trades"]}
        decisions = {row["decision_id"]: row for row in first["decisions"]}
        await rig.bus.publish_all(list(facts.morning(facts.MORNING_MS)))
        while len(trades) < 7 or sum(row["stage"] == "closed" for row in decisions.values()) < 7:
            delta = await frame(socket)
            trades |= {row["position_id"]: row for row in delta.get("trades", [])}
            decisions |= {row["decision_id"]: row for row in delta.get("decisions", [])}
    async with open_socket(rig) as socket:
        second = await frame(socket)
    assert {row["position_id"]: row for row in second["trades"]} == trades
    assert {row["decision_id"]: row for row in second["decisions"]}.items() <= decisions.items()


async def test_a_page_that_missed_something_asks_for_everything(rig: Rig):
    async with open_socket(rig) as socket:
        first = await frame(socket)
        await socket.send("resync")

        async def again() -> dict[str, Any] | None:
            found = await frame(socket)
            return found if found["kind"] == "snapshot" else None

        second = await eventually(again)
        assert second["seq"] >= first["seq"]
        assert second["hub"] == first["hub"]
        third = await frame(socket)
        assert third["seq"] == second["seq"] + 1


async def test_a_page_that_talks_nonsense_is_not_answered_and_harms_nobody(rig: Rig):
    async with open_socket(rig) as socket, open_socket(rig) as other:
        await frame(socket)
        await frame(other)
        await socket.send("{}")
        await socket.send("x" * 10_000)
        with pytest.raises(ConnectionClosed):
            await frames_for_ever(socket)
        assert (await frame(other))["kind"] == "delta"


async def test_a_page_that_does_not_keep_up_is_closed_and_others_go_on(rig: Rig):
    """The slow page's receive window is full: its frames pile up, at most as many as its queue holds."""
    wide = "x" * 480
    reader, writer = await asyncio.open_connection("127.0.0.1", int(rig.base.rsplit(":", 1)[1]), limit=2**10)
    host = rig.base.removeprefix("http://")
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {rig.base}\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    async with open_socket(rig) as healthy:
        await frame(healthy)
        ended = asyncio.Event()
        noise = asyncio.create_task(_noise(rig, wide, ended))
        view_of_health = [await frame(healthy) for _ in range(30)]
        assert all(one["kind"] == "delta" for one in view_of_health)
        while len(rig.desk.hub._clients) > 1:
            await frame(healthy)
        ended.set()
        await noise
        assert (await frame(healthy))["kind"] == "delta"
    writer.close()


async def _noise(rig: Rig, wide: str, ended: asyncio.Event) -> None:
    """Log lines, many and long, until told to stop."""
    while not ended.is_set():
        for number in range(100):
            rig.bus.send(facts.log("scanner", "info", wide, number, **{f"field_{n}": wide for n in range(8)}))
        await asyncio.sleep(hub_module.TICK_S / 2)


async def test_a_stopping_dashboard_says_goodbye(rig: Rig):
    async with open_socket(rig) as socket:
        await frame(socket)
        rig.ctx.stopping.set()
        with pytest.raises(ConnectionClosed) as caught:
            await frames_for_ever(socket)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1001


def test_the_hub_counts_on_without_clients():
    view = View(interval="5m", quote="USDT", version="1", mode=paper_mode(None, None))
    clock = [0]
    hub = Hub(view, lambda: Times(now_ms=0, wall_ms=clock[0], rate=1.0), None)  # type: ignore[arg-type]
    hub.flush()
    first = hub.snapshot()
    message = facts.trade("BTCUSDT", 1, "1", ExitReason.STOP)
    from tests.unit.dashboard.logic.test_decisions import meta  # noqa: PLC0415 - only here

    view.apply(message.payload, meta(message), 0)
    second = hub.snapshot()
    assert second.seq == first.seq + 1
    assert len(second.trades) == 1
