"""A download as a whole: what is wanted, what is missing, fetching it, putting the files together."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from services.commands.data_check import check_file
from services.commands.data_fetch import PAGE, Fetcher
from services.commands.data_layout import Dataset
from services.commands.data_parts import Parts, locked
from services.commands.data_progress import Progress, progress_bar
from services.commands.data_span import Span, cut, missing, moment
from shared.domain.candle import INTERVALS, interval_ms
from shared.domain.errors import ConfigError, ContractViolation, Permanent
from shared.domain.instrument import Instrument
from shared.exchange.clock import VenueClock
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.parse_market import parse_exchange_info
from shared.exchange.venues.policy import policy_for

PIECE = 10 * PAGE
"""Candles per piece: what a kill may cost."""
_WORKERS = 4
_HOUR_MS = 3_600_000
_KINDS = ("klines", "mark", "index")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants; times are still words."""

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


@dataclass(frozen=True, slots=True)
class FileSummary:
    """One file after the download."""

    file: str
    rows: int
    added: int
    symbols: int
    gaps: int


@dataclass(slots=True)
class Summary:
    """What a download came to. `failed`: symbols that the venue refused, with its words."""

    ok: bool
    folder: str
    venue: str
    start_ms: int
    end_ms: int
    requests: int = 0
    seconds: float = 0.0
    files: list[FileSummary] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


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
    offset = 4 * 24 * _HOUR_MS if step_ms == 7 * 24 * _HOUR_MS else 0
    start = -(-(span[0] - offset) // step_ms) * step_ms + offset
    return start, max(start, (span[1] - offset) // step_ms * step_ms + offset)


@contextlib.asynccontextmanager
async def _door(order: Order) -> AsyncIterator[tuple[VenueHttp, VenueClock, Fetcher]]:
    policy, clock = policy_for(order.base, order.dialect), VenueClock()
    http = VenueHttp(policy, clock, options=HttpOptions(retries=6, read_wait_s=900.0, user_agent="mraster/data"))
    try:
        yield http, clock, Fetcher(http, policy)
    finally:
        await http.aclose()


async def run(order: Order) -> Summary:
    """Fetch what is missing and write the files.

    Raises:
        ConfigError: the order makes no sense, or the folder cannot be used.
        Transient: the venue stopped answering; what was fetched is kept.
        ContractViolation: the venue answers what no candle looks like.
    """
    begun = time.monotonic()
    wanted = datasets(order)
    async with _door(order) as (http, clock, fetcher):
        with locked(order.folder):
            await http.sync_clock()
            payload = await fetcher.exchange_info()
            info = parse_exchange_info(payload)
            if info.limits is not None:
                http.limiter.configure(info.limits)
            names = chosen(order, info.instruments)
            span = _span(order, clock.now_ms())
            summary = Summary(ok=True, folder=str(order.folder), venue=order.base, start_ms=span[0], end_ms=span[1])
            stores = [Parts(order.folder, item, _HOUR_MS if item.kind == "funding" else interval_ms(item.interval)) for item in wanted]
            pieces = [piece for parts in stores for piece in plan(parts, names, span, info.instruments)]
            with progress_bar(sum(piece.pages for piece in pieces)) as progress:
                await _Fetching(fetcher, summary, progress).run(pieces)
            for parts in stores:
                summary.files.append(_finish(parts, parts.assemble()))
            keep_contracts(order.folder / "exchange_info.json", payload)
            summary.requests = fetcher.requests
    summary.seconds = round(time.monotonic() - begun, 1)
    summary.ok = not summary.failed
    return summary


def _span(order: Order, now_ms: int) -> Span:
    start, end = moment(order.start, now_ms), min(moment(order.end, now_ms), now_ms)
    if start >= end:
        raise ConfigError(f"nothing lies between {order.start} and {order.end}; the venue's time is {now_ms} (ms)")
    return start, end


def plan(parts: Parts, names: list[str], span: Span, listed: dict[str, Instrument]) -> Iterator[Piece]:
    """What of a file is missing. Before a contract was listed there is nothing to ask for."""
    funding = parts.dataset.kind == "funding"
    for name in names:
        first = max(span[0], listed[name].onboard_ms // parts.step_ms * parts.step_ms)
        inside = (first, span[1]) if funding else aligned((first, span[1]), parts.step_ms)
        for left in missing(inside, parts.held(name)):
            for piece in [left] if funding else cut(left, PIECE * parts.step_ms):
                yield Piece(parts, name, piece)


class _Fetching:
    """Several requests at a time; a symbol that is refused does not stop the others, everything else does."""

    def __init__(self, fetcher: Fetcher, summary: Summary, progress: Progress) -> None:
        self._fetcher = fetcher
        self._summary = summary
        self._progress = progress
        self._hours: dict[str, float] = {}

    async def run(self, pieces: list[Piece]) -> None:
        if any(piece.parts.dataset.kind == "funding" for piece in pieces):
            self._hours = await self._fetcher.funding_hours()
        waiting = iter(pieces)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_WORKERS):
                    group.create_task(self._work(waiting))
        except BaseExceptionGroup as group_error:
            # the first failure is the reason; the others were cancelled by it or failed alike
            raise group_error.exceptions[0] from None

    async def _work(self, waiting: Iterator[Piece]) -> None:
        for piece in waiting:
            dataset = piece.parts.dataset
            try:
                if dataset.kind == "funding":
                    table = await self._fetcher.fundings(dataset, piece.symbol, piece.span, self._hours.get(piece.symbol))
                else:
                    table = await self._fetcher.candles(dataset, piece.symbol, piece.span)
            except ContractViolation:
                raise
            except Permanent as error:
                self._summary.failed[f"{piece.symbol} {dataset.stem}"] = str(error)
            else:
                piece.parts.keep(piece.symbol, piece.span, table)
            self._progress.advance(piece.pages, f"{dataset.stem} {piece.symbol}")


def _finish(parts: Parts, added: int) -> FileSummary:
    path = parts.path
    if not path.is_file():
        return FileSummary(path.name, 0, 0, 0, 0)
    report = check_file(path)
    return FileSummary(path.name, pq.read_metadata(path).num_rows, added, report.symbols, report.gaps)


def keep_contracts(path: Path, payload: Any) -> None:
    """`exchange_info.json` beside the candles, whole or not at all: the replay's rules are the venue's.

    Contracts that the venue does not list any more stay as they were known.
    """
    names = {row.get("symbol") for row in payload["symbols"]}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        # no such file, or one that is not of this kind: nothing is known of former contracts
        before = json.loads(path.read_text("utf-8"))["symbols"]
        payload = {**payload, "symbols": [*payload["symbols"], *(row for row in before if row["symbol"] not in names)]}
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(payload, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
