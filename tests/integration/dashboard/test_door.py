"""Who may read and command: hosts, origins, forged requests, passwords, sessions, tokens."""

import asyncio

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services.dashboard.keyring import COOKIE
from services.dashboard.logic.signin import PER_ADDRESS
from shared.domain.control import TradingState
from tests.integration.dashboard.conftest import PASSWORD
from tests.integration.dashboard.rig import Rig

PAUSE = {"command": "pause", "confirm": True}
PRIVATE = ("/api/status", "/api/positions", "/api/settings", "/api/openapi.json", "/api/snapshot", "/api/nothing")


def ws(rig: Rig) -> str:
    return rig.base.replace("http", "ws") + "/ws"


async def refused(rig: Rig, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(ws(rig), additional_headers=headers, proxy=None):
            pass
    return caught.value.response.status_code


async def epoch(rig: Rig) -> int:
    stored = await rig.state.control()
    assert stored is not None
    return stored.epoch


async def test_every_answer_has_the_security_headers(rig: Rig):
    async with rig.client() as client:
        for path in ("/", "/api/status", "/healthz", "/nothing"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "access-control-allow-origin" not in headers


async def test_a_foreign_name_for_this_machine_is_refused(rig: Rig):
    async with rig.client() as client:
        for path in ("/api/status", "/api/session", "/"):
            answer = await client.get(path, headers={"host": "rebound.example"})
            assert (answer.status_code, answer.json()["code"]) == (421, "host_not_allowed")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(rig.base.rsplit(":", 1)[1]))
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: rebound.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 421 " in await reader.readline()
    writer.close()


async def test_another_sites_page_can_neither_command_nor_listen(rig: Rig):
    await rig.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    async with rig.client() as client:
        token = (await client.get("/api/session")).json()["csrf"]
        foreign = await client.post("/api/control", json=PAUSE, headers={"origin": "https://evil.example", "x-csrf-token": token})
        bare = await client.post("/api/control", json=PAUSE)
        wrong = await client.post("/api/control", json=PAUSE, headers={"x-csrf-token": "x"})
        form = await client.post("/api/control", content=b"command=pause", headers={"content-type": "application/x-www-form-urlencoded"})
    assert [answer.json()["code"] for answer in (foreign, bare, wrong, form)] == ["origin_not_allowed", "csrf", "csrf", "csrf"]
    assert await epoch(rig) == 1
    assert await refused(rig, Origin="https://evil.example") == 403


async def test_without_signing_in_nothing_is_told(locked: Rig):
    async with locked.client() as client:
        for path in PRIVATE:
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "sign_in"), path
        assert (await client.post("/api/control", json=PAUSE)).status_code == 401
        session = (await client.get("/api/session")).json()
        assert session == {"password_needed": True, "signed_in": False, "csrf": None}
        assert (await client.get("/healthz")).status_code == 200
    assert await refused(locked) == 401
    assert await refused(locked, Cookie=f"{COOKIE}=9999999999999.x.forged") == 401


async def test_signing_in_opens_and_signing_out_closes(locked: Rig):
    await locked.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    async with locked.client() as client:
        answer = await client.post("/api/login", json={"password": PASSWORD})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        token = answer.json()["csrf"]
        assert (await client.get("/api/status")).status_code == 200
        assert (await client.post("/api/control", json=PAUSE)).json()["code"] == "csrf"
        assert (await client.post("/api/control", json=PAUSE, headers={"x-csrf-token": token})).json()["state"] == "paused"
        session = f"{COOKIE}={client.cookies[COOKIE]}"
        async with connect(ws(locked), additional_headers={"Cookie": session}, proxy=None) as socket:
            assert '"snapshot"' in str(await socket.recv())
        await client.post("/api/logout", json={}, headers={"x-csrf-token": token})
        assert (await client.get("/api/status")).status_code == 401
    assert await refused(locked, Cookie=session) == 401


async def test_guessing_is_slowed_down(locked: Rig):
    async with locked.client() as client:
        for _ in range(PER_ADDRESS):
            answer = await client.post("/api/login", json={"password": "guess"})
            assert (answer.status_code, answer.json()["code"]) == (401, "wrong_password")
        answer = await client.post("/api/login", json={"password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert int(answer.headers["retry-after"]) > 0
        assert "guess" not in answer.text


async def test_a_script_uses_the_token(locked: Rig):
    await locked.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    async with locked.client() as client:
        csrf = (await client.post("/api/login", json={"password": PASSWORD})).json()["csrf"]
        token = (await client.post("/api/token", json={}, headers={"x-csrf-token": csrf})).json()["token"]
    async with locked.client(headers={"authorization": f"Bearer {token}"}) as script:
        assert (await script.get("/api/status")).status_code == 200
        assert (await script.post("/api/control", json=PAUSE)).json()["state"] == "paused"
    async with locked.client(headers={"authorization": f"Bearer {token[:-1]}"}) as script:
        assert (await script.get("/api/status")).status_code == 401
    async with connect(ws(locked), additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as socket:
        assert '"snapshot"' in str(await socket.recv())


async def test_a_page_that_is_not_built_says_how_to_build_it():
    from services.dashboard.app import create  # noqa: PLC0415 - only here
    from services.dashboard.service import desk_of  # noqa: PLC0415
    from tests.unit.dashboard.openapi_document import memory_context  # noqa: PLC0415

    app = create(desk_of(memory_context()), static=__import__("pathlib").Path("/nowhere"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        answer = await client.get("/")
        assert answer.status_code == 503
        assert "npm" in answer.text
        assert (await client.get("/d/ab../../c")).status_code in {404, 307}
        assert (await client.get("/d/abc234")).headers["location"] == "/#/d/abc234"
