"""A recording read from its files: what they hold, brought onto one grid."""

from pathlib import Path

import numpy as np

from services.paper_exchange.logic.candles import Floats, Grid
from services.paper_exchange.logic.flow import Flow, Mark
from services.paper_exchange.logic.funding import FundingTrack
from services.paper_exchange.sources import flow_file, funding_file, recorded
from services.paper_exchange.sources.inventory import Holding, Inventory, take_stock
from services.paper_exchange.sources.recording import Recording


def read(paths: tuple[Path, ...], symbols: tuple[str, ...]) -> Recording:
    """Read everything that some files or folders hold.

    Raises:
        ConfigError: files that cannot be used, or symbols that they do not hold.
    """
    stock = take_stock(paths)
    trades = flow_file.read_trades(stock, symbols)
    notes: list[str] = []
    files = stock.of(Holding.CANDLES)
    if files:
        candles = recorded.load_candles(files, symbols)
        grid, more = candles.grid, candles.more
        if candles.left_out:
            some = ", ".join(candles.left_out[:5])
            notes.append(
                f"{len(candles.left_out)} contracts have no {grid.interval} candles and are left out ({some}); name symbols to replay them"
            )
    else:
        grid, more = flow_file.candles_of(trades, str(stock.folder)), {}
    flow = _flow(stock, grid, trades, built=not files)
    if trades and not flow.trades:
        notes.append("the recorded trades are of another time or of other contracts than the candles")
    return Recording(
        grid=grid,
        fundings=_fundings(stock, grid, flow),
        more=more,
        marks=recorded.load_marks(stock.of(Holding.MARK_CANDLES), grid.symbols),
        index=recorded.load_marks(stock.of(Holding.INDEX_CANDLES), grid.symbols),
        flow=flow,
        notes=tuple(notes),
    )


def _flow(stock: Inventory, grid: Grid, trades: dict[str, Floats], *, built: bool) -> Flow:
    """Order flow of the contracts of a grid, as far as it lies within its time."""
    books, marks = flow_file.read_books(stock, grid.symbols), flow_file.read_marks(stock, grid.symbols)
    return Flow(trades=_rows(grid, trades), books=_rows(grid, books), marks=_rows(grid, marks), built=built)


def _rows(grid: Grid, tables: dict[str, Floats]) -> dict[int, Floats]:
    found = {}
    for row, symbol in enumerate(grid.symbols):
        table = tables.get(symbol)
        if table is None:
            continue
        first, last = np.searchsorted(table[0], (grid.start_ms, grid.end_ms))
        if last > first:
            found[row] = np.ascontiguousarray(table[:, int(first) : int(last)])
    return found


def _fundings(stock: Inventory, grid: Grid, flow: Flow) -> dict[str, FundingTrack]:
    """Recorded fundings; where there are none, those that the mark price events announced."""
    tracks = funding_file.load_fundings(stock.of(Holding.FUNDING), grid.symbols)
    for row, table in flow.marks.items():
        symbol = grid.symbols[row]
        if symbol not in tracks and (table[Mark.NEXT] > 0).any():
            tracks[symbol] = _announced(table)
    return tracks


def _announced(table: Floats) -> FundingTrack:
    """The last rate that was announced for each funding."""
    times = np.unique(table[Mark.NEXT][table[Mark.NEXT] > 0])
    rates = [float(table[Mark.RATE, np.flatnonzero(table[Mark.NEXT] == time)[-1]]) for time in times]
    steps = np.diff(times)
    hours = round(float(steps.min()) / 3_600_000) if len(steps) else 8
    return FundingTrack([int(time) for time in times], rates, [None] * len(times), max(1, hours))
