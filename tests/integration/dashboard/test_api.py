"""What was published and stored is what the API tells."""

from typing import Any

from shared.contracts.ops import ServiceState
from shared.domain.control import TradingState
from tests.fakes.eventually import eventually
from tests.integration.dashboard import facts, stage
from tests.integration.dashboard.rig import Rig


async def ask(rig: Rig, path: str) -> Any:
    async with rig.client() as client:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def told(rig: Rig, path: str, check: Any) -> Any:
    async def holds() -> Any:
        answer = await ask(rig, path)
        return answer if check(answer) else None

    return await eventually(holds, what=path)


async def test_ready_only_when_every_service_lives_and_everything_answers(rig: Rig):
    async with rig.client() as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        missing = {one["name"]: one["reason"] for one in answer.json()["missing"]}
        assert missing["executor"] == "no_heartbeat"
        assert "bus" not in missing

        async def ready() -> bool:
            stage.beat(rig)
            return (await client.get("/readyz")).status_code == 200

        await eventually(ready, every_s=0.05, what="ready")
        rig.bus.send(facts.heartbeat("executor", rig.ctx.clock.wall_ms(), ServiceState.DRAINING))

        async def draining() -> bool:
            return (await client.get("/readyz")).json()["missing"] == [{"name": "executor", "reason": "starting"}]

        await eventually(draining, what="a draining executor")
        assert (await client.get("/healthz")).json() == {"ok": True}


async def test_a_venue_that_does_not_answer_is_missing(rig: Rig):
    await told(rig, "/api/status", lambda answer: answer["venue_ok"])
    rig.venue.down = True
    status = await told(rig, "/api/status", lambda answer: not answer["venue_ok"])
    assert {"name": "venue", "reason": "unavailable"} in status["missing"]
    assert status["mode"] | {"text": "PAPER", "market": None, "unknown": "venue_unavailable"} == status["mode"]


async def test_the_status_of_a_morning(rig: Rig):
    await stage.play(rig)
    status = await told(rig, "/api/status", lambda answer: answer["open_positions"] == 3 and answer["venue_ok"] and answer["services"])
    assert status["mode"]["text"] == "PAPER · replay"
    assert (status["trading"]["state"], status["trading"]["epoch"]) == ("running", 1)
    assert (status["naked"], status["naked_unknown"], status["version"], status["quote"]) == (0, 0, "1.2.3", "USDT")
    own = [row for row in status["services"] if row["service"] == "dashboard"]
    assert [row["state"] for row in own] == ["ready"]
    assert abs(status["times"]["now_ms"] - facts.MORNING_MS) < 60_000


async def test_positions_and_account(rig: Rig):
    await stage.play(rig)
    positions = await told(rig, "/api/positions", lambda answer: len(answer["rows"]) == 3)
    bitcoin = positions["rows"][0]
    assert (bitcoin["symbol"], bitcoin["entry_price"], bitcoin["stop_state"], bitcoin["target_state"]) == (
        "BTCUSDT",
        "104613.2",
        "resting",
        "resting",
    )
    account = await told(rig, "/api/account", lambda answer: answer["unknown"] is None)
    assert (account["equity_usd"], account["opening_usd"], account["day_pnl_usd"]) == ("10080.08", "10000", "80.08")


async def test_before_anything_is_written_nothing_is_zero(rig: Rig):
    account = await ask(rig, "/api/account")
    assert (account["equity_usd"], account["unknown"]) == (None, "not_written")
    equity = await ask(rig, "/api/equity")
    assert (equity["opening_usd"], equity["unknown"], equity["realised"]) == (None, "not_reported", [])
    status = await ask(rig, "/api/status")
    assert status["trading"]["state"] is None


async def test_trades_equity_and_decisions(rig: Rig):
    await stage.play(rig)
    trades = await told(rig, "/api/trades?limit=3", lambda answer: answer["total"] == 7)
    assert [row["net_usd"] for row in trades["rows"]] == ["11.02", "32.76", "-21.10"]
    equity = await told(rig, "/api/equity", lambda answer: answer["opening_usd"] is not None)
    assert (equity["realised"][0]["usd"], equity["realised"][-1]["usd"], equity["net_usd"]) == ("10000", "10044.31", "44.31")
    decisions = await told(rig, "/api/decisions?limit=500", lambda answer: sum(row["stage"] == "closed" for row in answer["rows"]) == 7)
    times = [row["ms"] for row in decisions["rows"]]
    assert times == sorted(times, reverse=True)
    assert {row["reason"] for row in decisions["rows"]} >= {
        "spread",
        "wickiness",
        "quote_volume",
        "edge_too_small",
        "max_open",
        "target",
        "stop",
    }
    passed = await ask(rig, "/api/decisions?limit=500&skips=false")
    assert all(row["stage"] != "skipped" for row in passed["rows"])
    one = trades["rows"][0]["decision_id"]
    assert (await ask(rig, f"/api/decisions/{one}"))["stage"] == "closed"


async def test_the_funnel_of_a_morning(rig: Rig):
    await stage.play(rig)
    funnel = await told(rig, "/api/funnel", lambda answer: answer["filled"] == 7)
    assert (funnel["scanned"], funnel["setups"]) == (150, funnel["candidates"] + funnel["skipped"])
    assert sum(one["count"] for one in funnel["reasons"]) == funnel["skipped"] + funnel["declined"] + funnel["refused"]


async def test_logs_and_alerts(rig: Rig):
    await stage.play(rig)

    async def logged() -> bool:
        stage.chatter(rig)
        rows = (await ask(rig, "/api/logs?limit=500"))["rows"]
        return any(row["event"] == "stop_missing" and row["fields"]["naked_ms"] == "412" for row in rows)

    await eventually(logged, every_s=0.05, what="log lines")
    alerts = await told(rig, "/api/alerts", lambda answer: answer["rows"])
    assert (alerts["rows"][0]["code"], alerts["rows"][0]["severity"]) == ("emergency_exit", "critical")


async def test_settings_have_sources_and_no_secrets(locked: Rig):
    from tests.integration.dashboard.conftest import PASSWORD  # noqa: PLC0415 - only here

    async with locked.client() as client:
        token = (await client.post("/api/login", json={"password": PASSWORD})).json()["csrf"]
        assert token
        answer = await client.get("/api/settings")
    rows = {row["label"]: row for row in answer.json()["rows"]}
    assert PASSWORD not in answer.text
    assert rows["Password"]["value"] == "***"
    assert rows["Port"]["source"] == "environment"


async def test_another_accounts_messages_are_not_ours(rig: Rig):
    from shared.bus.nats_bus import NatsBus  # noqa: PLC0415 - only here
    from shared.contracts.envelope import Producer  # noqa: PLC0415

    url = str(rig.bus._url)  # type: ignore[attr-defined]
    other = NatsBus(url, Producer("executor", "x", "somebody"), rig.ctx.clock)
    await other.connect(5)
    await other.publish_all(list(facts.filled("LINKUSDT", facts.MORNING_MS - 7 * facts.STEP_MS - 1)))
    await other.close()
    await rig.bus.publish_all(list(facts.filled("SOLUSDT", facts.MORNING_MS - 1)))
    decisions = await told(rig, "/api/decisions", lambda answer: answer["rows"])
    assert {row["symbol"] for row in decisions["rows"]} == {"SOLUSDT"}


async def test_a_store_that_is_gone_is_said_and_values_keep_their_age(nats_server, redis_server):  # noqa: ANN001
    from tests.integration.dashboard.rig import running  # noqa: PLC0415

    async with running(nats_server, redis_server, now_ms=facts.MORNING_MS) as rig:
        await rig.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
        await rig.state.put(rig.ctx.keys.positions, "BTCUSDT", facts.position("BTCUSDT", facts.MORNING_MS))
        before = await told(rig, "/api/status", lambda answer: answer["open_positions"] == 1)
        redis_server.freeze()
        status = await told(rig, "/api/status", lambda answer: not answer["store_ok"])
        assert status["open_positions"] == 1
        assert status["store_read_ms"] >= before["store_read_ms"]
        async with rig.client(timeout=10) as client:
            answer = await client.get("/readyz")
            assert {"name": "store", "reason": "unavailable"} in answer.json()["missing"]
        redis_server.thaw()
        await told(rig, "/api/status", lambda answer: answer["store_ok"])


async def test_what_was_learned(rig: Rig):
    nothing = await ask(rig, "/api/learning")
    assert (nothing["report"], nothing["unknown"], nothing["distances"]) == (None, "not_written", False)
    await rig.state.put(rig.ctx.keys.learning, "report", facts.learning(rig.ctx.clock.now_ms()))
    found = await told(rig, "/api/learning", lambda answer: answer["report"])
    assert found["unknown"] is None
    assert found["report"]["edition"] == 480_000
    assert {row["reason"]: row["worth"] for row in found["report"]["filters"]}["wickiness"] == "too_few"
    assert found["report"]["made_ms"] <= found["times"]["now_ms"]
    await rig.state.put(rig.ctx.keys.learning, "report", {"edition": "of another version"})
    broken = await told(rig, "/api/learning", lambda answer: answer["unknown"])
    assert (broken["report"], broken["unknown"]) == (None, "unreadable")
