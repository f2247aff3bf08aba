"""What a download is to fetch: which files, symbols and times, and what of them is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.commands.data_fetch import PAGE
from services.commands.data_layout import Dataset
from services.commands.data_parts import Parts
from services.commands.data_span import Span, cut, missing, moment
from shared.domain.candle import INTERVALS
from shared.domain.errors import ConfigError
from shared.domain.instrument import Instrument

PIECE = 10 * PAGE
"""Candles per piece: what a kill may cost."""
HOUR_MS = 3_600_000
_KINDS = ("klines", "mark", "index")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants; times are still words. `share`: of the venue's request limit."""

    base: str
    dialect: str | None
    intervals: tuple[str, ...]
    kinds: tuple[str, ...]
    symbols: tuple[str, ...]
    quote: str
    start: str
    end: str
    funding: bool
    folder: Path
    share: float = 0.8


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to fetch and to store."""

    parts: Parts
    symbol: str
    span: Span

    @property
    def pages(self) -> int:
        """Requests that it takes, about."""
        return 1 if self.parts.dataset.kind == "funding" else -(-(self.span[1] - self.span[0]) // (PAGE * self.parts.step_ms))


def datasets(order: Order) -> list[Dataset]:
    """The files of an order.

    Raises:
        ConfigError: an interval or kind that does not exist, or nothing at all.
    """
    wrong = [name for name in order.intervals if name not in INTERVALS]
    if wrong:
        raise ConfigError(f"--interval: expected some of {', '.join(INTERVALS)}, got {', '.join(wrong)}")
    wrong = [name for name in order.kinds if name not in _KINDS]
    if wrong:
        raise ConfigError(f"--kind: expected some of {', '.join(_KINDS)}, got {', '.join(wrong)}")
    found = [Dataset(kind, interval) for kind in order.kinds for interval in order.intervals]
    if order.funding:
        found.append(Dataset("funding"))
    if not found:
        raise ConfigError("nothing to download: name an interval, or ask for fundings")
    return found


def chosen(order: Order, listed: dict[str, Instrument]) -> list[str]:
    """The symbols of an order.

    Raises:
        ConfigError: a symbol that the venue does not list, or no contract in the quote asset.
    """
    unknown = [name for name in order.symbols if name not in listed]
    if unknown:
        some = ", ".join(sorted(listed)[:5])
        raise ConfigError(f"{order.base} does not list {', '.join(unknown)}; it has {len(listed)} perpetuals, for example {some}")
    found = list(order.symbols) or sorted(name for name, item in listed.items() if item.quote == order.quote and item.status == "TRADING")
    if not found:
        raise ConfigError(f"{order.base} has no perpetual in {order.quote} that trades; name --symbols or another --quote")
    return [name for name in found if not name.startswith(".") and "/" not in name]


def aligned(span: Span, step_ms: int) -> Span:
    """The candles that open and close within a span, on the grid of their interval (weeks begin on Monday)."""
    offset = 4 * 24 * HOUR_MS if step_ms == 7 * 24 * HOUR_MS else 0
    start = -(-(span[0] - offset) // step_ms) * step_ms + offset
    return start, max(start, (span[1] - offset) // step_ms * step_ms + offset)


def span_of(order: Order, now_ms: int) -> Span:
    """The time of an order, no later than the venue's.

    Raises:
        ConfigError: words that are no time, or nothing between them.
    """
    start, end = moment(order.start, now_ms), min(moment(order.end, now_ms), now_ms)
    if start >= end:
        raise ConfigError(f"nothing lies between {order.start} and {order.end}; the venue's time is {now_ms} (ms)")
    return start, end


def plan(parts: Parts, names: list[str], span: Span) -> Iterator[Piece]:
    """What of a file is missing, in whole stretches."""
    inside = span if parts.dataset.kind == "funding" else aligned(span, parts.step_ms)
    for name in names:
        for left in missing(inside, parts.held(name)):
            yield Piece(parts, name, left)


def pieces_of(stretch: Piece) -> Iterator[Piece]:
    """A stretch in pieces that are stored one by one."""
    if stretch.parts.dataset.kind == "funding":
        yield stretch
        return
    for span in cut(stretch.span, PIECE * stretch.parts.step_ms):
        yield Piece(stretch.parts, stretch.symbol, span)
