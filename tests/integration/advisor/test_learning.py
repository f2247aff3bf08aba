"""Learning through real servers: one advisor learns, all decide with what it learned, a crash is survived."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from redis import Redis

from services.advisor.editions import Editions
from services.advisor.logic.brain import Brain
from services.advisor.logic.documents import CURRENT, DRAFT, REPORT, place
from services.advisor.logic.edition import wanted
from services.advisor.service import build
from shared.contracts import topic
from shared.contracts.ai import PlaybookState, Postmortem, Tuning
from shared.contracts.control import Command
from shared.contracts.envelope import Outgoing
from shared.contracts.learning import Cause, LearningReport
from shared.contracts.order import ExitReason, PositionEvent, PositionEventKind
from shared.contracts.plan import Plan
from shared.contracts.signal import Signal
from shared.domain.control import TradingState
from shared.domain.errors import BusUnavailable
from shared.domain.units import Price, Qty
from shared.runtime.context import Context
from shared.state.sections import CONTROL
from shared.state.state_file import load
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.advisor.rig import context, heard, running
from tests.unit.advisor.test_brain import trade
from tests.unit.advisor.test_learner import NAMES, STEP, close_of, idea, market, signal

pytestmark = pytest.mark.integration
BARS = market(160)


def told(found: Signal) -> Outgoing:
    return Outgoing(found, ts_ms=found.close_ms, decision_id=idea(found))


async def play(ctx: Context, first: int, last: int) -> None:
    """Publish candles and every fourth candle's signals, candle by candle."""
    for bar in range(first, last):
        await ctx.bus.publish_all([Outgoing(BARS[name][bar], ts_ms=close_of(bar)) for name in NAMES])
        if bar % 4 == 0:
            await ctx.bus.publish_all([told(signal(name, BARS[name][bar], bar)) for name in NAMES])
        await eventually(partial(_heard, ctx, close_of(bar)), within_s=20, what=f"candle {bar} is in the draft")


async def _heard(ctx: Context, at_ms: int) -> bool:
    draft = await ctx.state.get(ctx.keys.learning, DRAFT)
    if draft is None or draft["clock_ms"] < at_ms:
        return False
    try:
        return await ctx.bus.lag() == 0
    except BusUnavailable:
        return False  # the learner's consumers are being made


async def test_lessons_become_editions_and_editions_decide(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with (
        context(nats_server, redis_server, "advisor") as ctx,
        heard(ctx, topic.PLANNED) as plans,
        heard(ctx, topic.AI_PLAYBOOK) as playbooks,
        heard(ctx, topic.AI_TUNING) as tunings,
        heard(ctx, topic.AI_LEARNING) as reports,
        running(ctx, build),
    ):
        await play(ctx, 0, 100)
        current = await ctx.state.get(ctx.keys.learning, CURRENT)
        assert current is not None
        assert current["number"] == wanted(close_of(99), STEP)
        found = await ctx.state.get(ctx.keys.learning, REPORT)
        assert found is not None
        assert found["bandit"]["outcomes"] > 20
        assert {row["reason"] for row in found["filters"]} == {"offered", "wickiness"}
        later = [plan for plan in plans.of(Plan) if plan.close_ms > close_of(60)]
        assert later
        assert all(plan.policy["bandit_weight"] > 0 for plan in later)
        early = [plan for plan in plans.of(Plan) if plan.close_ms < close_of(10)]
        assert all("bandit_weight" not in plan.policy for plan in early)
        await eventually(lambda: playbooks.of(PlaybookState))
        assert playbooks.of(PlaybookState)[0].inputs["symbols"] == len(NAMES)
        await eventually(lambda: reports.of(LearningReport) and reports.of(LearningReport)[-1].edition == current["number"])
        newest = reports.of(LearningReport)[-1]
        assert newest == LearningReport.model_validate(found)
        assert {model.model for model in newest.models} == {"prior", "alpha"}
        steps = tunings.of(Tuning)
        assert steps
        for step in steps:
            assert step.stop_before is not None
            assert step.size_before is not None
            assert max(abs(step.stop_factor - step.stop_before), abs(step.size_factor - step.size_before)) <= Decimal("0.8")
            assert not step.distances
        exposition = ctx.metrics.render().decode()
        assert 'mraster_advisor_filter_result_r{bound="mean",reason="offered"}' in exposition
        assert 'mraster_advisor_brier_score_ratio{model="prior"}' in exposition


async def test_a_closed_trade_has_a_post_mortem_once_what_followed_is_known(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with (
        context(nats_server, redis_server, "advisor") as ctx,
        heard(ctx, topic.AI_POSTMORTEM) as found,
        running(ctx, build),
    ):
        await play(ctx, 0, 5)
        signalled = signal(NAMES[0], BARS[NAMES[0]][4], 4)
        key = idea(signalled)
        opened = PositionEvent(
            event=PositionEventKind.OPENED, symbol=NAMES[0], position_id=key, revision=1, direction=signalled.direction, quantity=Qty(Decimal(1)),
            entry_price=Price(Decimal(100)), stop_price=None, target_price=None, initial_risk_usd=None, opened_ms=close_of(4) + 1,
        )  # fmt: skip
        await ctx.bus.publish(Outgoing(opened, ts_ms=opened.opened_ms, decision_id=key))
        await play(ctx, 5, 6)
        closed = trade(symbol=NAMES[0], position_id=key, closed_ms=close_of(5) + 1000, exit_reason=ExitReason.TARGET, r="1.2")
        await ctx.bus.publish(Outgoing(closed, ts_ms=closed.closed_ms, decision_id=key))
        await play(ctx, 6, 9)
        await eventually(lambda: found.of(Postmortem))
        (review,) = found.of(Postmortem)
        assert (review.position_id, review.symbol) == (key, NAMES[0])
        assert set(review.features) == {cause.value for cause in Cause}


async def test_another_advisor_takes_over_and_learns_on(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "advisor") as second:
        async with context(nats_server, redis_server, "advisor") as first, running(first, build):
            await play(first, 0, 40)
        before = await Editions(second).newest()
        async with running(second, build):
            await play(second, 40, 80)
        after = await Editions(second).newest()
        assert after.number > before.number
        assert after.brain.bandit.outcomes > before.brain.bandit.outcomes > 0
        report = await second.state.get(second.keys.learning, REPORT)
        assert report is not None
        assert report["funnel"]["unknown"] == 0


async def test_while_redis_is_away_it_learns_on_and_saves_later(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await play(ctx, 0, 5)
        done = ctx.activity.done
        redis_server.kill()
        await ctx.bus.publish_all([Outgoing(BARS[name][5], ts_ms=close_of(5)) for name in NAMES])
        await eventually(lambda: ctx.activity.done >= done + len(NAMES))
        redis_server.start()
        await play(ctx, 6, 8)
        draft = await ctx.state.get(ctx.keys.learning, DRAFT)
        assert draft is not None
        assert draft["funnel"]["unknown"] == 0


def brain_of(documents: Mapping[str, Any]) -> Any:
    """The newest edition in a set of documents."""
    return documents[place(documents[CURRENT]["number"])]


def flush(redis: RedisServer) -> None:
    """Everything gone at once, as after a disk was lost."""
    with Redis.from_url(redis.url) as client:
        client.flushall()


async def test_what_was_learned_survives_a_flush_under_way(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await play(ctx, 0, 60)
        before = await ctx.state.get_all(ctx.keys.learning)
        flush(redis_server)
        await eventually(lambda: ctx.state.get(ctx.keys.learning, CURRENT), what="the learner puts it back")
        after = await ctx.state.get_all(ctx.keys.learning)
        assert after == before
        await play(ctx, 60, 80)
        edition = await Editions(ctx).newest()
        assert edition.number > before[CURRENT]["number"]
        assert edition.brain.bandit.outcomes > brain_of(before)["brain"]["bandit"]["outcomes"] > 0
        report = await ctx.state.get(ctx.keys.learning, REPORT)
        assert report is not None
        assert report["funnel"]["unknown"] == 0


async def test_what_was_learned_survives_a_restart_with_an_empty_redis(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "advisor") as second:
        async with context(nats_server, redis_server, "advisor") as first, running(first, build):
            await play(first, 0, 60)
        before = await second.state.get_all(second.keys.learning)
        assert load(redis_server.home / "aster_state.json").sections["learning"] == before
        flush(redis_server)
        reader = Editions(second)
        assert (await reader.newest()).number == before[CURRENT]["number"], "one who only reads looks into the file, too"
        async with running(second, build):
            await eventually(lambda: second.state.get(second.keys.learning, CURRENT))
            assert await second.state.get_all(second.keys.learning) == before
            await play(second, 60, 64)
        after = await second.state.get_all(second.keys.learning)
        assert after[DRAFT]["funnel"]["signals"] > before[DRAFT]["funnel"]["signals"]


async def test_a_killed_redis_and_advisor_come_back_from_the_file(
    nats_server: NatsServer, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.advisor.learning.FILE_S", 0.1)
    path = redis_server.home / "aster_state.json"
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await play(ctx, 0, 30)
        await eventually(lambda: path.exists() and load(path).sections["learning"].get(DRAFT, {}).get("clock_ms") == close_of(29))
        kept = path.read_bytes()
    path.write_bytes(kept)  # the advisor had no time to write a last one
    flush(redis_server)
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        draft = await eventually(lambda: ctx.state.get(ctx.keys.learning, DRAFT))
        assert draft["clock_ms"] == close_of(29)


@pytest.mark.parametrize(
    "content", [b"{ half a fi", b'{"kind": "mraster-state", "version": 99}', b'{"trade_history": [], "live_trades": {}}']
)
async def test_a_file_that_cannot_be_used_is_kept_aside(nats_server: NatsServer, redis_server: RedisServer, content: bytes) -> None:
    path = redis_server.home / "aster_state.json"
    path.write_bytes(content)
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await play(ctx, 0, 30)
        assert path.read_bytes() == content or load(path)
    assert load(path).sections["learning"].get(DRAFT, {}).get("clock_ms") == close_of(29)
    kept = [item for item in redis_server.home.iterdir() if item.name.startswith("aster_state.json.") and item.read_bytes() == content]
    assert len(kept) == 1


async def test_another_line_of_editions_is_taken_over_by_readers(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "advisor") as ctx:
        async with running(ctx, build):
            await play(ctx, 0, 40)
        reader = Editions(ctx)
        old = await reader.newest()
        assert old.brain.bandit.outcomes > 0
        await ctx.state.put(ctx.keys.learning, place(old.number), {"number": old.number, "brain": Brain().to_dict()})
        await reader.watch()
        assert await reader.newest() is old, "the same line: nothing is read again"
        await ctx.state.put(ctx.keys.learning, CURRENT, {"number": old.number, "line": "imported"})
        await reader.watch()
        assert (await reader.newest()).brain.bandit.outcomes == 0


async def test_a_stop_is_on_record_although_nothing_is_learned(
    nats_server: NatsServer, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.advisor.learning.FILE_S", 0.1)
    path = redis_server.home / "aster_state.json"
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await ctx.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
        await eventually(lambda: path.exists() and load(path).sections.get(CONTROL, {}).get("present", {}).get("state") == "running")
        await ctx.state.command(Command.STOP, author="test", reason="", now_ms=2)
        await eventually(lambda: load(path).sections[CONTROL]["present"]["state"] == "stopped")
        await play(ctx, 0, 3)
        flush(redis_server)
        await play(ctx, 3, 6)
        await eventually(lambda: load(path).sections["learning"].get(DRAFT, {}).get("clock_ms") == close_of(5))
        assert load(path).sections[CONTROL]["present"]["state"] == "stopped", "a lost state is no news"
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await play(ctx, 6, 8)
        await eventually(lambda: load(path).sections["learning"].get(DRAFT, {}).get("clock_ms") == close_of(7))
    assert load(path).sections[CONTROL]["present"]["state"] == "stopped"
