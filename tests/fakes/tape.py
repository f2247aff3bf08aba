"""Everything that was published during a run, read back from the streams."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from shared.bus.nats_bus import NatsBus
from shared.contracts.envelope import Meta, Payload, Producer
from shared.contracts.order import TradeClosed
from shared.runtime.clock import SystemClock

STORED = (
    "signal.v1.>",
    "plan.v1.>",
    "order.v1.>",
    "position.v1.>",
    "trade.v1.>",
    "bracket.v1.>",
    "sentinel.v1.>",
    "alert.v1.>",
    "dlq.v1.>",
)


@dataclass
class Tape:
    """Messages by type, in the order of their streams."""

    messages: dict[str, list[tuple[Payload, Meta]]] = field(default_factory=lambda: defaultdict(list))

    def facts(self, kind: str, *, without: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
        """Bodies of one type by message id, without some keys."""
        found = {}
        for payload, meta in self.messages[kind]:
            body = payload.model_dump(mode="json")
            found[meta.id] = {"ts_ms": meta.ts_ms, "decision_id": meta.decision_id, **{k: v for k, v in body.items() if k not in without}}
        return found

    @property
    def trades(self) -> list[TradeClosed]:
        return [p for p, _ in self.messages["trade.closed"] if isinstance(p, TradeClosed)]


def differences(first: dict[str, dict[str, Any]], second: dict[str, dict[str, Any]]) -> list[str]:
    """What two sets of facts do not share, one line each."""
    lines = [f"only once: {name}" for name in sorted(first.keys() ^ second.keys())]
    for name in sorted(first.keys() & second.keys()):
        one, other = first[name], second[name]
        lines += [
            f"{name} {key}: {one.get(key)} != {other.get(key)}"
            for key in sorted(one.keys() | other.keys())
            if one.get(key) != other.get(key)
        ]
    return lines


async def read_tape(nats_url: str, *, quiet_s: float = 1.0) -> Tape:
    """All stored messages until none came for a while."""
    bus = NatsBus(nats_url, Producer("test", "tape", "main"), SystemClock())
    await bus.connect(10)
    tape = Tape()
    try:
        stream = bus.tail(STORED, since="all")
        while True:
            payload, meta = await asyncio.wait_for(anext(stream), quiet_s)
            tape.messages[meta.type].append((payload, meta))
    except TimeoutError:
        return tape
    finally:
        await bus.close()
