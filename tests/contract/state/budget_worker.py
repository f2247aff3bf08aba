"""One process of a race for the budget: reserves many amounts at once and prints how many were granted."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from shared.state.port import ReserveOutcome
from shared.state.redis_store import RedisState


async def race(url: str, account: str, day: str, name: str, count: int, amount: int) -> int:
    state = RedisState(url, account, timeout_s=10)
    answers = await asyncio.gather(
        *(state.budget_reserve(f"{name}-{i}", day=day, limit_uusd=1_000_000, amount_uusd=amount, ttl_ms=60_000) for i in range(count))
    )
    await state.close()
    return sum(answer.outcome is ReserveOutcome.OK for answer in answers)


if __name__ == "__main__":
    address, owner, date, who, how_many, how_much = sys.argv[1:]
    sys.stdout.write(str(asyncio.run(race(address, owner, date, who, int(how_many), int(how_much)))))
