"""A market made of candles: recorded or synthetic, moved by a pacer."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from services.paper_exchange.exchange import Exchange
from services.paper_exchange.face import CandleFace, FundingSource
from services.paper_exchange.logic.timeline import Batch, BatchKind
from services.paper_exchange.logic.venue import Venue
from services.paper_exchange.options import MarketKind
from services.paper_exchange.pacer import Pacer
from services.paper_exchange.publisher import Publisher


class CandleMarket:
    """Ties a venue to an exchange: each batch is committed, told and published, in that order."""

    def __init__(self, exchange: Exchange, venue: Venue, head: Mapping[str, Any], funding: FundingSource) -> None:
        options = exchange.options
        self.exchange = exchange
        self.venue = venue
        self.head = head
        self._face = CandleFace(venue, head, funding)
        self.kind = MarketKind.REPLAY
        self.source = ""
        self.note = ""
        self.start_ms = venue.desk.time_ms
        self.batch: Batch | None = None
        self.publisher = Publisher(venue, exchange.hub, funding.current)
        self.pacer = Pacer(venue, exchange.wall, options.speed, lock_step=options.lock_step)
        self.pacer.on_batch = self._on_batch
        self.before_batch: Callable[[Batch], None] | None = None

    def _on_batch(self, batch: Batch) -> None:
        self.batch = batch
        if self.before_batch is not None:
            self.before_batch(batch)
        self.exchange.flush()
        if batch.kind is BatchKind.CLOSES and not math.isinf(self.pacer.speed):
            self.exchange.store.write_meta({"position": self.position(), "time_ms": str(batch.time_ms)})
        if self.exchange.hub.connections:
            self.publisher.publish(batch)

    @property
    def face(self) -> CandleFace:
        """The public answers."""
        return self._face

    def now_ms(self) -> int:
        """Venue time."""
        return self.pacer.now_ms()

    def position(self) -> str:
        """The last batch: column, point, kind, and how many points a candle has."""
        if self.batch is None:
            return ""
        return f"{self.batch.column},{self.batch.point},{self.batch.kind.value},{self.venue.tape.points}"

    @property
    def scale(self) -> float:
        """Venue seconds per second."""
        return 0.0 if self.pacer.lock_step else self.pacer.speed

    @property
    def slack_ms(self) -> int:
        """One candle in lock-step."""
        return self.venue.tape.grid.interval_ms if self.pacer.lock_step else 0

    def status(self) -> dict[str, Any]:
        """What the status endpoint shows about the market."""
        tape = self.venue.tape
        synthetic = self.kind is MarketKind.SYNTHETIC
        stale = [rules.symbol for row, rules in enumerate(tape.rules) if tape.listed(row) and not tape.fresh(row)]
        return {
            "market": self.kind.value,
            "synthetic": synthetic,
            "source": self.source,
            "note": self.note,
            "symbols": len(tape.rules),
            "interval": tape.grid.interval,
            "points_per_candle": tape.points,
            "start_ms": self.start_ms,
            "end_ms": None if synthetic else self.venue.timeline.end_ms,
            "ended": self.pacer.ended,
            "paused": self.pacer.paused,
            "state": "ended" if self.pacer.ended else "paused" if self.pacer.paused else "running",
            "staleness": {"stale_symbols": stale[:20], "stale_count": len(stale), "age_ms": 0 if not self.pacer.ended else None},
        }
