"""The guard's cost: its decision per position, and the venue's weight that guard and executor use together for 50 open positions.

Real processes, NATS and Redis; a made-up recording replayed at the speed of time, with the venue's limits in force.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.market import write
from services.bracket_guard.logic.jobs import jobs
from shared.domain.order import OrderType, intent_hash
from tests.chaos.guard_stack import FaultyVenue, GuardStack
from tests.chaos.stack import ROOT
from tests.fakes.eventually import eventually
from tests.unit.bracket_guard.cases import SYMBOL, desired, order, position

POSITIONS = 50
WARMUP = 400
LIMIT = 2400
MINUTES = 1


class ReplayVenue(FaultyVenue):
    """The paper venue on a file of candles."""

    def __init__(self, path: Path, symbols: list[str]) -> None:
        super().__init__(symbols)
        self._path = path

    async def start(self) -> None:
        """Start it and take its address."""
        argv = [sys.executable, "-m", "services.paper_exchange", "--market", f"replay:{self._path}", "--warmup", str(WARMUP)]
        argv += ["--balance", "1000000", "--faults"]
        self._process = await asyncio.to_thread(subprocess.Popen, argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        self.url = (await asyncio.to_thread(self._process.stdout.readline)).decode().removeprefix("ready ").strip()

    async def used(self) -> int:
        """Weight of this minute so far."""
        answer = await self.client.get(f"{self.url}/fapi/v1/time")
        return int(answer.headers["x-mbx-used-weight-1m"])


def decide() -> float:
    """Decisions on one position with its bracket, per second."""
    held, wanted = position(), desired()
    found = [order(1), order(2, OrderType.TAKE_PROFIT_MARKET, trigger="116")]
    rounds, begin = 20_000, time.perf_counter()
    for _ in range(rounds):
        jobs(SYMBOL, held, wanted, found)
    return rounds / (time.perf_counter() - begin)


async def weight() -> tuple[int, int]:
    """The most weight used in a calm minute, and how many positions had a stop."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.csv"
        names = write(path, POSITIONS, WARMUP + 20)
        stack = GuardStack(names, ASTER_UNOWNED_POSITIONS="adopt")
        stack.venue = venue = ReplayVenue(path, names)
        async with stack:
            guard = stack.guard("guard-1")
            await guard.start()
            for name in names:
                await venue.open_by_hand(name, "1", GuardStack.entry_name(intent_hash(name)))
            await eventually(lambda: _facts(guard), within_s=90, every_s=0.5, what="all positions are protected")
            await stack.executor().start()
            await asyncio.sleep(60.2 - time.time_ns() / 1e9 % 60)
            most = 0
            for _ in range(MINUTES):
                await asyncio.sleep(60.2 - time.time_ns() / 1e9 % 60)
                await asyncio.sleep(59.2 - time.time_ns() / 1e9 % 60)
                most = max(most, await venue.used())
            return most, POSITIONS


async def _facts(guard: object) -> bool:
    text: str = await guard.metrics()  # type: ignore[attr-defined]
    values = {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line and not line.startswith("#")}
    found = (values["mraster_bracket_guard_positions"], values["mraster_bracket_guard_naked_positions"])
    return found == (POSITIONS, 0)


def main() -> None:
    """Print the figures."""
    print(f"bench guard_decisions {decide():.0f} /s")
    used, held = asyncio.run(weight())
    print(f"bench guard_and_executor_weight_{held}_positions {used} /min")
    print(f"bench guard_and_executor_weight_share {100 * used / LIMIT:.1f} %")


if __name__ == "__main__":
    main()
