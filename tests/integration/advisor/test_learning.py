"""Learning through real servers: one advisor learns, all decide with what it learned, a crash is survived."""

from functools import partial

import pytest

from services.advisor.editions import CURRENT, DRAFT, REPORT, Editions
from services.advisor.logic.edition import wanted
from services.advisor.service import build
from shared.contracts import topic
from shared.contracts.ai import PlaybookState
from shared.contracts.envelope import Outgoing
from shared.contracts.plan import Plan
from shared.contracts.signal import Signal
from shared.domain.errors import BusUnavailable
from shared.runtime.context import Context
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.advisor.rig import context, heard, running
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
