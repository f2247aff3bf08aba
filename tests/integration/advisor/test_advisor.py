from dataclasses import replace
from decimal import Decimal

import pytest

from services.advisor.service import Advisor, build
from shared.contracts import topic
from shared.contracts.envelope import Outgoing
from shared.contracts.ops import DeadLetter
from shared.contracts.plan import Plan, PlanReason, Verdict
from shared.contracts.signal import Candidate, decision_id
from shared.runtime.context import Context
from shared.runtime.metrics import Metrics
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.advisor.rig import context, heard, running
from tests.unit.advisor.cases import CLOSE_MS, candidate, red, warning

pytestmark = pytest.mark.integration


def offer(found: Candidate, epoch: int = 3) -> Outgoing:
    """A candidate as the scanner publishes it."""
    idea = decision_id(found.symbol, found.interval, found.close_ms, found.direction)
    return Outgoing(found, ts_ms=found.close_ms, decision_id=idea, epoch=epoch)


async def test_each_candidate_gets_exactly_one_plan(nats_server: NatsServer, redis_server: RedisServer) -> None:
    offers = [offer(candidate(symbol=f"S{i}USDT", edge_r=0.3 if i % 2 else 0.0)) for i in range(40)]
    async with context(nats_server, redis_server, "advisor") as ctx, heard(ctx, topic.PLANNED) as plans, running(ctx, build):
        await ctx.bus.publish_all(offers)
        await ctx.bus.publish_all(offers)
        await eventually(lambda: len(plans.messages) == 40)
        # The same candidate handled again, as after a crash before the acknowledgement: the plan is a message that is there already.
        other, meta = Advisor(_fresh(ctx)), plans.messages[0][1]
        again = [out for i in range(40) for out in await other.on_candidate(candidate(symbol=f"S{i}USDT", edge_r=0.0), meta)]
        assert all(ack.duplicate for ack in await ctx.bus.publish_all(again))
    taken = {plan.symbol for plan in plans.of(Plan) if plan.verdict is Verdict.TAKE}
    assert taken == {f"S{i}USDT" for i in range(1, 40, 2)}
    for _, meta in plans.messages:
        assert (meta.epoch, meta.ts_ms) == (3, CLOSE_MS)
        assert meta.cause_id.startswith("signal.candidate:")
        assert len(meta.decision_id) == 10


def _fresh(ctx: Context) -> Context:
    """The context of another process."""
    return replace(ctx, metrics=Metrics("advisor"))


async def test_two_advisors_share_the_candidates(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with (
        context(nats_server, redis_server, "advisor") as first,
        context(nats_server, redis_server, "advisor") as second,
        heard(first, topic.PLANNED) as plans,
        running(first, build),
        running(second, build),
    ):
        await first.bus.publish_all([offer(candidate(symbol=f"S{i}USDT")) for i in range(60)])
        await eventually(lambda: len(plans.messages) == 60)
        assert {meta.producer for _, meta in plans.messages} == {first.producer.name, second.producer.name}


async def test_the_sentinels_warnings_count_at_decision_time(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "advisor") as ctx, heard(ctx, topic.PLANNED) as plans, running(ctx, build):
        for symbol, state in (("AUSDT", warning()), ("BUSDT", red()), ("CUSDT", red(expires_ms=CLOSE_MS))):
            await ctx.state.put(ctx.keys.sentinel, symbol, state.model_dump(mode="json") | {"track": {"level": 0.9}})
        await ctx.bus.publish_all([offer(candidate(symbol=symbol)) for symbol in ("AUSDT", "BUSDT", "CUSDT", "DUSDT")])
        await eventually(lambda: len(plans.messages) == 4)
        by_symbol = {plan.symbol: plan for plan in plans.of(Plan)}
        assert by_symbol["AUSDT"].reducing == {"sentinel": Decimal("0.65")}
        assert by_symbol["BUSDT"].reason is PlanReason.SENTINEL_VETO
        assert by_symbol["CUSDT"].reducing == {}
        assert by_symbol["DUSDT"].verdict is Verdict.TAKE


async def test_while_redis_is_away_nobody_decides(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "advisor") as ctx, heard(ctx, topic.PLANNED) as plans, running(ctx, build):
        await ctx.state.put(ctx.keys.sentinel, "SOLUSDT", red().model_dump(mode="json"))
        redis_server.stop()
        await ctx.bus.publish(offer(candidate()))
        await eventually(lambda: ctx.activity.done >= 1, what="the first attempt failed")
        assert plans.messages == []
        redis_server.start()
        await eventually(lambda: len(plans.messages) == 1, within_s=20)
        assert plans.of(Plan)[0].reason is PlanReason.SENTINEL_VETO


async def test_a_candidate_without_a_stop_is_a_dead_letter_and_the_next_one_is_handled(
    nats_server: NatsServer, redis_server: RedisServer
) -> None:
    async with (
        context(nats_server, redis_server, "advisor") as ctx,
        heard(ctx, topic.PLANNED) as plans,
        heard(ctx, topic.DEAD_LETTER) as dead,
        running(ctx, build),
    ):
        await ctx.bus.publish(offer(candidate(symbol="BADUSDT", stop_distance=0.0)))
        await ctx.bus.publish(offer(candidate()))
        await eventually(lambda: plans.messages and dead.messages)
        assert "positive stop" in dead.of(DeadLetter)[0].reason
