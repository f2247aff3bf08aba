"""Two advisor processes share a burst of candidates: one plan each, whoever is killed meanwhile; one of them learns."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.advisor.logic.documents import CURRENT, DRAFT
from services.advisor.notebook import ROLE
from shared.config.registry import env_names
from shared.contracts import topic
from shared.contracts.plan import Plan
from shared.runtime.context import Context
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer, free_port
from tests.integration.advisor.rig import Heard, context, heard
from tests.integration.advisor.test_advisor import offer
from tests.integration.advisor.test_learning import play
from tests.unit.advisor.cases import candidate
from tests.unit.advisor.test_learner import close_of

ROOT = Path(__file__).parents[3]
BURST = 400
pytestmark = pytest.mark.integration


@dataclass
class Replica:
    """One `mraster advisor`."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    async def ready(self) -> bool:
        async with httpx.AsyncClient(timeout=2) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)


def start(name: str, nats: NatsServer, redis: RedisServer) -> Replica:
    """One process; its log is beside the store."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASTER_", "FAST"))}  # noqa: TID251 - a child's environment
    places = {"infra.redis_url": redis.url, "infra.nats_url": nats.url, "core.state_file": str(redis.home / "aster_state.json")}
    environment = {**clean, **env_names(places), "PYTHONPATH": str(ROOT)}
    port = free_port()
    argv = [sys.executable, "-P", "-m", "services.cli", "advisor", "--instance", name, "--http-port", str(port), "--no-provision"]
    with (redis.home / f"{name}.log").open("ab") as log:
        return Replica(name, port, subprocess.Popen(argv, env=environment, cwd=redis.home, stdout=log, stderr=log))


@asynccontextmanager
async def replicas(ctx: Context, nats: NatsServer, redis: RedisServer, count: int = 2) -> AsyncIterator[list[Replica]]:
    """That many, ready. The context has provisioned the streams."""
    made: list[Replica] = []
    try:
        made.extend(start(f"advisor-{number}", nats, redis) for number in range(count))
        for replica in made:
            await eventually(replica.ready, within_s=60, every_s=0.1, what=f"{replica.name} is ready")
        await eventually(lambda: ctx.state.holder(ROLE), within_s=20)
        yield made
    finally:
        for replica in made:
            await asyncio.to_thread(replica.end)


async def burst(ctx: Context) -> None:
    """All at once, and half of them a second time, as after a doubt about the first."""
    offers = [offer(candidate(symbol=f"S{number}USDT", edge_r=0.3 if number % 3 else 0.0)) for number in range(BURST)]
    await ctx.bus.publish_all(offers)
    await ctx.bus.publish_all(offers[::2])


def assert_one_plan_each(plans: Heard) -> None:
    ids = Counter(plan.identity() for plan in plans.of(Plan))
    assert len(ids) == BURST
    assert set(ids.values()) == {1}
    assert {plan.symbol for plan in plans.of(Plan)} == {f"S{number}USDT" for number in range(BURST)}


async def test_a_burst_is_shared_without_doubling_a_plan(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with (
        context(nats_server, redis_server, "bench") as ctx,
        heard(ctx, topic.PLANNED) as plans,
        replicas(ctx, nats_server, redis_server) as both,
    ):
        await burst(ctx)
        await eventually(lambda: len(plans.messages) >= BURST, within_s=60, every_s=0.1)
        shares = Counter(meta.producer for _, meta in plans.messages)
        assert len(shares) == len(both)
        assert all(share > BURST // 20 for share in shares.values()), shares
    assert_one_plan_each(plans)


async def test_one_that_is_killed_in_the_burst_leaves_nothing_undecided(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with (
        context(nats_server, redis_server, "bench") as ctx,
        heard(ctx, topic.PLANNED) as plans,
        replicas(ctx, nats_server, redis_server) as both,
    ):
        await burst(ctx)
        await eventually(lambda: len(plans.messages) >= BURST // 10, within_s=30, every_s=0.001)
        both[0].end(signal.SIGKILL)
        await eventually(lambda: len({plan.symbol for plan in plans.of(Plan)}) == BURST, within_s=120, every_s=0.1)
    assert_one_plan_each(plans)


async def test_one_learns_and_the_other_goes_on_when_it_is_killed(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with context(nats_server, redis_server, "bench") as ctx, replicas(ctx, nats_server, redis_server) as both:
        await play(ctx, 0, 30)
        first = await ctx.state.holder(ROLE)
        assert first is not None
        before = await ctx.state.get(ctx.keys.learning, CURRENT)
        learner = next(replica for replica in both if replica.name == first.owner)
        learner.end(signal.SIGKILL)

        async def handed_over() -> bool:
            now = await ctx.state.holder(ROLE)
            return now is not None and now.owner != first.owner

        await eventually(handed_over, within_s=30, every_s=0.1)
        await play(ctx, 30, 60)
        after, draft = await ctx.state.get(ctx.keys.learning, CURRENT), await ctx.state.get(ctx.keys.learning, DRAFT)
        assert before is not None
        assert after is not None
        assert draft is not None
        assert after["number"] > before["number"]
        assert draft["clock_ms"] == close_of(59)
