"""The policy: does it learn on made-up markets, what does a decision cost, and how long does a plan take?

Markets: one where a signal is worth taking only when its trend is strong (ADX above 25), one where nothing is worth it. The scanner
believes in a small edge in both. Compared: take everything, edge only, and the best single threshold in hindsight.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import structlog

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
from shared.contracts.topic import PLANNED, STREAMS
from shared.domain.order import Direction
from shared.runtime.clock import SystemClock
from shared.runtime.context import Context
from shared.runtime.lifecycle import Lifecycle
from shared.runtime.logs import LogTail
from shared.runtime.metrics import Metrics
from shared.state.keys import Keys
from shared.state.redis_store import RedisState
from tests.fakes.servers import NatsServer, RedisServer

SEEDS, SIGNALS, THIRDS = 20, 1200, 3
T0, STEP_MS = 1_764_590_399_999, 300_000
PAYOFF, COST = 1.5, 0.1
CALM = caution([], 0)
RULES = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"), bandit=True, alpha=True)


@dataclass(frozen=True, slots=True)
class Signal:
    """A candidate with its result, known only afterwards."""

    candidate: Candidate
    net_r: float

    @property
    def adx(self) -> float:
        """Strength of the trend."""
        return self.candidate.features["adx"]


def signals(seed: int, *, edge: bool) -> list[Signal]:
    """A market's signals: with an edge the win chance moves by a tenth with ADX around break-even, else it is below it."""
    dice = np.random.default_rng(seed)
    even = (1 + COST) / (1 + PAYOFF)
    found = []
    for number in range(SIGNALS):
        named = {
            "adx": dice.uniform(5, 45),
            "rsi": dice.uniform(30, 70),
            "volatility_rank": dice.uniform(0, 1),
            "momentum": dice.normal(0, 0.02),
        }
        chance = even + (0.12 if named["adx"] > 25 else -0.12) if edge else even - 0.05
        won = bool(dice.random() < chance)
        close_ms = T0 + number * STEP_MS
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
            p_prior=even + 0.02,
            p=even + 0.02,
            cost_r=COST,
            edge_r=0.05,
            spread_ratio=0.0002,
            features=named,
            valid_until_ms=close_ms + 30_000,
        )
        found.append(Signal(candidate, (PAYOFF if won else -1.0) - COST))
    return found


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


def best_fixed(market: list[Signal]) -> np.ndarray:
    """The best threshold on ADX that hindsight finds, taking nothing included."""
    results = np.array([signal.net_r for signal in market])
    adx = np.array([signal.adx for signal in market])
    rules = [np.where(adx > limit, results, 0.0) for limit in np.arange(5, 50, 5)]
    return max(rules, key=lambda chosen: float(chosen.sum()))


def interval(values: np.ndarray) -> str:
    """Mean and 90 % interval over the seeds."""
    half = 1.645 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.4f} R_per_decision_90%_{values.mean() - half:+.4f}_to_{values.mean() + half:+.4f}"


def learning(*, edge: bool) -> None:
    """Learning curves in thirds."""
    name = "edge" if edge else "no_edge"
    rows: dict[str, list[np.ndarray]] = {"policy": [], "take_all": [], "best_fixed": []}
    for seed in range(SEEDS):
        market = signals(seed, edge=edge)
        rows["policy"].append(policy(market))
        rows["take_all"].append(np.array([signal.net_r for signal in market]))
        rows["best_fixed"].append(best_fixed(market))
    for who, runs in rows.items():
        stacked = np.stack(runs)
        for third, part in enumerate(np.array_split(stacked, THIRDS, axis=1), 1):
            print(f"bench policy_{name}_{who}_third_{third} {interval(part.mean(axis=1))}")
    shares = [np.mean(np.stack(rows["policy"])[:, part] != 0) for part in np.array_split(np.arange(SIGNALS), THIRDS)]
    print(f"bench policy_{name}_share_taken_last_third {shares[-1]:.3f} of_signals")


def costs() -> None:
    """Microseconds of a decision and of a lesson."""
    market = signals(1, edge=True)[:400]
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
    arrived: asyncio.Queue[Plan] = asyncio.Queue()

    async def listen() -> None:
        async for payload, _ in bus.tail([PLANNED.pattern]):
            if isinstance(payload, Plan):
                arrived.put_nowait(payload)

    listening = asyncio.create_task(listen())
    await asyncio.sleep(1)
    spent = []
    for signal in signals(2, edge=True)[:count]:
        candidate = signal.candidate
        idea = decision_id(candidate.symbol, candidate.interval, candidate.close_ms, candidate.direction)
        start = time.perf_counter()
        await bus.publish(Outgoing(candidate, ts_ms=candidate.close_ms, decision_id=idea))
        await asyncio.wait_for(arrived.get(), 10)
        spent.append(time.perf_counter() - start)
    for name, share in (("p50", 50), ("p99", 99)):
        print(f"bench candidate_to_plan_{name} {np.percentile(spent[20:], share) * 1e3:.2f} ms")
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
        learning(edge=True)
        learning(edge=False)


if __name__ == "__main__":
    main()
