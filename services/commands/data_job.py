"""A download as a whole: what is wanted, what is missing, fetching it, putting the files together."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.commands.data_check import check_file
from services.commands.data_fetch import Fetcher
from services.commands.data_parts import Parts, locked
from services.commands.data_plan import HOUR_MS, PIECE, Order, Piece, chosen, datasets, pieces_of, plan, span_of
from services.commands.data_progress import progress_bar
from shared.domain.candle import interval_ms
from shared.domain.errors import ContractViolation, Permanent
from shared.exchange.clock import VenueClock
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.parse_market import parse_exchange_info
from shared.exchange.venues.policy import policy_for
from shared.exchange.venues.shape import Limits

_WORKERS = 4


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
            http.limiter.configure(shared_limits(info.limits or http.policy.limits, order.share))
            names = chosen(order, info.instruments)
            span = span_of(order, clock.now_ms())
            summary = Summary(ok=True, folder=str(order.folder), venue=order.base, start_ms=span[0], end_ms=span[1])
            stores = [Parts(order.folder, item, HOUR_MS if item.kind == "funding" else interval_ms(item.interval)) for item in wanted]
            fetching = _Fetching(fetcher, summary)
            await fetching.run([stretch for parts in stores for stretch in plan(parts, names, span)])
            for parts in stores:
                summary.files.append(_finish(parts, parts.assemble()))
            keep_contracts(order.folder / "exchange_info.json", payload)
            summary.requests = fetcher.requests
    summary.seconds = round(time.monotonic() - begun, 1)
    summary.ok = not summary.failed
    return summary


class _Fetching:
    """Several requests at a time; a symbol that is refused does not stop the others, everything else does."""

    def __init__(self, fetcher: Fetcher, summary: Summary) -> None:
        self._fetcher = fetcher
        self._summary = summary
        self._hours: dict[str, float] = {}

    async def run(self, stretches: list[Piece]) -> None:
        """Fetch and store."""
        if any(stretch.parts.dataset.kind == "funding" for stretch in stretches):
            self._hours = await self._fetcher.funding_hours()
        begun: list[Piece] = []

        async def find_beginning(stretch: Piece) -> None:
            begun.append(await self._begun(stretch))

        await self._each(stretches, find_beginning)
        pieces = [
            piece
            for stretch in sorted(begun, key=lambda item: (item.parts.dataset.stem, item.symbol, item.span))
            for piece in pieces_of(stretch)
        ]
        with progress_bar(sum(piece.pages for piece in pieces)) as progress:

            async def fetch(piece: Piece) -> None:
                piece.parts.keep(piece.symbol, piece.span, await self._fetched(piece))
                progress.advance(piece.pages, f"{piece.parts.dataset.stem} {piece.symbol}")

            await self._each(pieces, fetch)

    async def _begun(self, stretch: Piece) -> Piece:
        """The stretch from its first candle on: before a contract was listed there may be years of nothing."""
        dataset, span = stretch.parts.dataset, stretch.span
        if dataset.kind == "funding" or span[1] - span[0] <= PIECE * stretch.parts.step_ms:
            return stretch
        first = await self._fetcher.first_candle(dataset, stretch.symbol, span)
        if first <= span[0]:
            return stretch
        stretch.parts.keep(stretch.symbol, (span[0], first), dataset.schema.empty_table())
        return Piece(stretch.parts, stretch.symbol, (first, span[1]))

    async def _fetched(self, piece: Piece) -> pa.Table:
        dataset = piece.parts.dataset
        if dataset.kind == "funding":
            return await self._fetcher.fundings(dataset, piece.symbol, piece.span, self._hours.get(piece.symbol))
        return await self._fetcher.candles(dataset, piece.symbol, piece.span)

    async def _each(self, pieces: list[Piece], action: Callable[[Piece], Awaitable[None]]) -> None:
        waiting = iter(pieces)

        async def work() -> None:
            for piece in waiting:
                try:
                    await action(piece)
                except ContractViolation:
                    raise
                except Permanent as error:
                    self._summary.failed[f"{piece.symbol} {piece.parts.dataset.stem}"] = str(error)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_WORKERS):
                    group.create_task(work())
        except BaseExceptionGroup as group_error:
            # the first failure is the reason; the others were cancelled by it or failed alike
            raise group_error.exceptions[0] from None


def shared_limits(limits: Limits, share: float) -> Limits:
    """The part of the venue's limits that a download may use; the rest is left to what else runs at this address."""
    return replace(limits, weight_per_minute=max(1, int(limits.weight_per_minute * share)))


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
