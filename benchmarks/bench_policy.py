"""The policy: does it learn on made-up markets, what does a decision cost, and how long does a plan take?

Three markets. `context`: a signal is worth taking only when its trend is strong (ADX above 25), and the scanner's edge knows nothing
of that. `none`: nothing is worth it, whatever the edge says. `edge`: the scanner's edge is right, and there is nothing else to learn.
In each the scanner offers signals of -0.06 R to 0.14 R. Compared, as net R per signal (a skip is 0): the policy, always take, edge
only (from the least edge on), and the best fixed rule in hindsight (the least edge or more, and a threshold of ADX, fitted to the
same results, so that nobody could have known it). Pictures of the curves go to docs/img.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import numpy as np
import structlog

from benchmarks.curves import curve, svg
from services.advisor.logic.brain import Brain
from services.advisor.logic.caution import caution
from services.advisor.logic.decide import Rules, decide, question_of
from services.advisor.logic.lesson import Kind, Lesson
from services.advisor.logic.shadow import follow
from services.advisor.service import build
from shared.bus.nats_bus import NatsBus
from shared.config.load import load
from shared.config.registry import env_names
from shared.contracts.envelope import Outgoing, Producer
from shared.contracts.plan import Plan, Verdict
from shared.contracts.signal import Candidate, Setup, decision_id
from shared.contracts.topic import CANDIDATE, PLANNED, STREAMS
from shared.domain.order import Direction
from shared.runtime.clock import SystemClock
from shared.runtime.context import Context
from shared.runtime.lifecycle import Lifecycle
from shared.runtime.logs import LogTail
from shared.runtime.metrics import Metrics
from shared.state.keys import Keys
from shared.state.redis_store import RedisState
from tests.fakes.servers import NatsServer, RedisServer

SEEDS, SIGNALS, THIRDS, STEPS = 20, 1200, 3, 20
PICTURES = Path(__file__).parents[1] / "docs" / "img"
T0, STEP_MS = 1_764_590_399_999, 300_000
PAYOFF, COST = 1.5, 0.1
CALM = caution([], 0)
RULES = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"), bandit=True, alpha=True)


class Market(StrEnum):
    """What makes a signal good: the strength of the trend, nothing, or what the scanner says."""

    CONTEXT = "context"
    NONE = "none"
    EDGE = "edge"


TITLES = {
    Market.CONTEXT: "A market with an edge that the scanner does not see",
    Market.NONE: "A market without any edge",
    Market.EDGE: "A market in which the scanner's edge is right",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """A candidate with its result, known only afterwards."""

    candidate: Candidate
    net_r: float

    @property
    def adx(self) -> float:
        """Strength of the trend."""
        return self.candidate.features["adx"]


def chance(market: Market, adx: float, edge_r: float) -> float:
    """The true win chance; break-even after costs is (1 + cost) / (1 + payoff)."""
    even = (1 + COST) / (1 + PAYOFF)
    return {Market.CONTEXT: even + (0.12 if adx > 25 else -0.12), Market.NONE: even - 0.05, Market.EDGE: even + edge_r / (1 + PAYOFF)}[
        market
    ]


def signals(seed: int, market: Market) -> list[Signal]:
    """A market's signals."""
    dice = np.random.default_rng(seed)
    return [_signal(dice, market, T0 + number * STEP_MS) for number in range(SIGNALS)]


def _signal(dice: np.random.Generator, market: Market, close_ms: int) -> Signal:
    named = {
        "adx": dice.uniform(5, 45),
        "rsi": dice.uniform(30, 70),
        "volatility_rank": dice.uniform(0, 1),
        "momentum": dice.normal(0, 0.02),
    }
    edge_r = float(dice.uniform(-0.06, 0.14))
    won = bool(dice.random() < chance(market, named["adx"], edge_r))
    p = (1 + COST + edge_r) / (1 + PAYOFF)
    candidate = Candidate(
        symbol="BENCHUSDT",
        interval="5m",
        close_ms=close_ms,
        direction=Direction.LONG if dice.random() < 0.5 else Direction.SHORT,
        setup=Setup.TREND_CROSS,
        strength=float(dice.uniform(0, 1)),
        price=100.0,
        atr=0.5,
        stop_distance=0.8,
        target_distance=0.8 * PAYOFF,
        p_prior=p,
        p=p,
        cost_r=COST,
        edge_r=edge_r,
        spread_ratio=0.0002,
        features=named,
        valid_until_ms=close_ms + 30_000,
    )
    return Signal(candidate, (PAYOFF if won else -1.0) - COST)


def learn(brain: Brain, signal: Signal, *, taken: bool) -> None:
    """The result, as a trade or as a shadow."""
    candidate = signal.candidate
    raw = dict(question_of(candidate, CALM, brain).raw)
    followed = follow(candidate, "idea", raw)
    assert followed is not None
    kind = Kind.TRADE if taken else Kind.SHADOW
    brain.learn(
        Lesson(kind, candidate.close_ms, followed, signal.net_r, min(0.0, signal.net_r), max(0.0, signal.net_r), stopped=signal.net_r < 0)
    )


def policy(market: list[Signal]) -> np.ndarray:
    """Result per decision of the learning policy; each result is known ten signals later."""
    brain, results, taken = Brain(), np.zeros(len(market)), [False] * len(market)
    for number, signal in enumerate(market):
        if number >= 10:
            learn(brain, market[number - 10], taken=taken[number - 10])
        taken[number] = decide(signal.candidate, CALM, RULES, brain).verdict is Verdict.TAKE
        results[number] = signal.net_r if taken[number] else 0.0
    return results


def take_all(market: list[Signal]) -> np.ndarray:
    """Everything that fired."""
    return np.array([signal.net_r for signal in market])


def edge_only(market: list[Signal]) -> np.ndarray:
    """What reaches the least edge."""
    return np.array([signal.net_r if signal.candidate.edge_r >= RULES.min_edge_r else 0.0 for signal in market])


def best_fixed(market: list[Signal]) -> np.ndarray:
    """The best pair of thresholds that hindsight finds, taking nothing included."""
    results = take_all(market)
    adx = np.array([signal.adx for signal in market])
    edge = np.array([signal.candidate.edge_r for signal in market])
    limits = [(a, e) for a in np.arange(5, 50, 5) for e in np.arange(RULES.min_edge_r, 0.14, 0.02)]
    rules = [np.where((adx > a) & (edge >= e), results, 0.0) for a, e in limits]
    return max(rules, key=lambda chosen: float(chosen.sum()))


WHO: dict[str, Callable[[list[Signal]], np.ndarray]] = {
    "policy": policy,
    "edge_only": edge_only,
    "take_all": take_all,
    "best_fixed": best_fixed,
}


def interval(values: np.ndarray) -> str:
    """Mean and 90 % interval over the seeds."""
    half = 1.645 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.4f} R_per_decision_90%_{values.mean() - half:+.4f}_to_{values.mean() + half:+.4f}"


def learning(market: Market) -> None:
    """Learning curves: thirds as numbers, all of it as a picture."""
    rows: dict[str, list[np.ndarray]] = {who: [] for who in WHO}
    for seed in range(SEEDS):
        found = signals(seed, market)
        for who, rule in WHO.items():
            rows[who].append(rule(found))
    runs = {who: np.stack(results) for who, results in rows.items()}
    for who, stacked in runs.items():
        for third, part in enumerate(np.array_split(stacked, THIRDS, axis=1), 1):
            print(f"bench policy_{market}_{who}_third_{third} {interval(part.mean(axis=1))}")
    last = {who: np.array_split(stacked, THIRDS, axis=1)[-1].mean(axis=1) for who, stacked in runs.items()}
    for other in ("take_all", "edge_only", "best_fixed"):
        print(f"bench policy_{market}_last_third_minus_{other} {interval(last['policy'] - last[other])}")
    share = np.mean(np.array_split(runs["policy"], THIRDS, axis=1)[-1] != 0)
    print(f"bench policy_{market}_share_taken_last_third {share:.3f} of_signals")
    curves = {who.replace("_", " "): curve(stacked, STEPS) for who, stacked in runs.items()}
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / f"learning_{market}.svg").write_text(svg(f"{TITLES[market]} ({SEEDS} seeds, 90 % bands)", curves, SIGNALS))


def costs() -> None:
    """Microseconds of a decision and of a lesson."""
    market = signals(1, Market.CONTEXT)[:400]
    brain = Brain()
    start = time.perf_counter()
    for signal in market:
        learn(brain, signal, taken=False)
    print(f"bench policy_update {(time.perf_counter() - start) / len(market) * 1e6:.0f} us")
    start = time.perf_counter()
    for signal in market:
        decide(signal.candidate, CALM, RULES, brain)
    print(f"bench policy_decision {(time.perf_counter() - start) / len(market) * 1e6:.0f} us")


async def latency(nats: NatsServer, redis: RedisServer, count: int = 400) -> None:
    """Candidate in to plan out, one at a time, through the real servers."""
    clock, producer = SystemClock(), Producer("advisor", "bench", "main")
    bus = NatsBus(nats.url, producer, clock)
    await bus.connect(10)
    await bus.provision(STREAMS)
    state = RedisState(redis.url, "main")
    settings = load(environ=env_names({"core.state_file": str(redis.home / "aster_state.json")}))
    ctx = Context(settings, clock, bus, state, Keys("main"), structlog.get_logger(), Metrics("advisor"), producer)
    life = asyncio.create_task(Lifecycle(ctx, build, LogTail()).live())
    heard: dict[type, asyncio.Queue[float]] = {Candidate: asyncio.Queue(), Plan: asyncio.Queue()}

    async def listen() -> None:
        async for payload, _ in bus.tail([CANDIDATE.pattern, PLANNED.pattern]):
            heard[type(payload)].put_nowait(time.perf_counter())

    listening = asyncio.create_task(listen())
    await asyncio.sleep(1)
    spent: dict[type, list[float]] = {Candidate: [], Plan: []}
    for signal in signals(2, Market.CONTEXT)[:count]:
        candidate = signal.candidate
        idea = decision_id(candidate.symbol, candidate.interval, candidate.close_ms, candidate.direction)
        start = time.perf_counter()
        await bus.publish(Outgoing(candidate, ts_ms=candidate.close_ms, decision_id=idea))
        for kind, queue in heard.items():
            spent[kind].append(await asyncio.wait_for(queue.get(), 10) - start)
    plan, echo = np.array(spent[Plan][20:]), np.array(spent[Candidate][20:])
    for name, share in (("p50", 50), ("p99", 99)):
        print(f"bench candidate_to_plan_{name} {np.percentile(plan, share) * 1e3:.2f} ms")
        print(f"bench candidate_heard_{name} {np.percentile(echo, share) * 1e3:.2f} ms")
    print(f"bench candidate_to_plan_over_heard {np.median(plan) / np.median(echo):.2f} times_the_way_through_the_broker_alone")
    listening.cancel()
    ctx.stopping.set()
    await life
    await bus.close()
    await state.close()


def main() -> None:
    """All of it; `--quick` leaves the learning curves out."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    costs()
    with NatsServer() as nats, RedisServer() as redis:
        asyncio.run(latency(nats, redis))
    if "--quick" not in sys.argv:
        for market in Market:
            learning(market)


if __name__ == "__main__":
    main()
