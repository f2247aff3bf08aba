"""A process that takes a message and stands still with it, to be killed: `python crasher.py URL`."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from shared.bus.nats_bus import NatsBus
from shared.bus.port import Consumption
from shared.contracts.envelope import Meta, Outgoing, Payload, Producer
from shared.contracts.topic import CANDLE
from shared.domain.clock import ManualClock


async def _stand_still(_payload: Payload, _meta: Meta) -> Iterable[Outgoing]:
    sys.stdout.write("in hand\n")
    sys.stdout.flush()
    await asyncio.Event().wait()
    return []


async def _main(url: str) -> None:
    bus = NatsBus(url, Producer("scanner", "crasher", "main"), ManualClock(1))
    await bus.connect(10)
    await bus.consume([Consumption(durable="test-candle", topic=CANDLE, handler=_stand_still, ack_wait_s=1.0, attempts=3)], lanes=1)


asyncio.run(_main(sys.argv[1]))
