"""Every signal that the scanner's rules find in a recording, with what became of it: the material of the walk-forward evaluation."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.funnel import FRAME, Player, default_rules
from services.advisor.logic.shadow import Followed, Outcome, ShadowLedger, follow, step
from services.scanner.board import Board
from shared.contracts.market import CandleClosed
from shared.contracts.signal import Candidate, Skip, decision_id
from shared.domain.candle import Candle
from shared.exchange.market import BookTicker, MarkPrice

TAKER, SPREAD, SLIPPAGE = 0.0005, 0.0004, 0.0001
"""Fee per side; spread of every book; slippage per side. The last two together are what crossing the book costs."""
USUAL_FUNDING = 0.0001
COLUMNS = ("open", "high", "low", "close", "volume", "quote_volume")


@dataclass(frozen=True, slots=True)
class Case:
    """One signal and its hypothetical end with the distances as offered."""

    signal: Candidate | Skip
    followed: Followed
    outcome: Outcome


@dataclass
class Recording:
    """Five-minute candles by symbol and bar (NaN where there is none), and funding rates by symbol over time."""

    symbols: list[str]
    first_bar: int
    values: dict[str, np.ndarray]
    funding: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each symbol."""
        return {symbol: row for row, symbol in enumerate(self.symbols)}

    @property
    def bars(self) -> range:
        """Bar numbers."""
        return range(self.first_bar, self.first_bar + self.values["close"].shape[1])

    def candles(self, bar: int) -> list[Candle]:
        """The candles of one bar."""
        at, opened = bar - self.first_bar, FRAME.open_ms(bar)
        known = np.flatnonzero(~np.isnan(self.values["close"][:, at]))
        rows = zip(known.tolist(), *(self.values[name][known, at].tolist() for name in COLUMNS), strict=True)
        return [Candle(self.symbols[row], "5m", opened, o, h, low, c, base, quote, 0) for row, o, h, low, c, base, quote in rows]

    def rate(self, symbol: str, time_ms: int) -> float:
        """The last funding rate known at a time."""
        if symbol not in self.funding:
            return USUAL_FUNDING
        times, rates = self.funding[symbol]
        place = int(np.searchsorted(times, time_ms, side="right")) - 1
        return float(rates[place]) if place >= 0 else USUAL_FUNDING

    def after(self, symbol: str, close_ms: int) -> Iterator[CandleClosed]:
        """The candles that follow a close."""
        row = self.rows[symbol]
        start = FRAME.bar(close_ms + 1) - self.first_bar
        for at in range(start, self.values["close"].shape[1]):
            opened = FRAME.open_ms(self.first_bar + at)
            o, h, low, c, _, _ = (float(self.values[name][row, at]) for name in COLUMNS)
            yield closed(Candle(symbol, "5m", opened, o, h, low, c, 0.0, 0.0, 0))


def closed(candle: Candle) -> CandleClosed:
    """The candle as a message."""
    return CandleClosed.model_construct(
        symbol=candle.symbol, interval=candle.interval, open_ms=candle.open_ms, close_ms=candle.close_ms, open=candle.open,
        high=candle.high, low=candle.low, close=candle.close, volume=candle.volume, quote_volume=candle.quote_volume, trades=0,
    )  # fmt: skip


def read(folder: Path, every: int = 1) -> Recording:
    """The recording in a folder: `klines_5m.parquet`, and `funding.parquet` for the symbols that it has; every n-th symbol by name."""
    table = pq.read_table(folder / "klines_5m.parquet", columns=["symbol", "open_time", *COLUMNS])
    names, rows = np.unique(np.array(table["symbol"].to_pylist()), return_inverse=True)
    bars = table["open_time"].to_numpy() // FRAME.length_ms
    first = int(bars.min())
    values = {name: np.full((len(names), int(bars.max()) - first + 1), np.nan) for name in COLUMNS}
    for name in COLUMNS:
        values[name][rows, bars - first] = table[name].to_numpy()
    rates: dict[str, list[tuple[int, float]]] = defaultdict(list)
    if (folder / "funding.parquet").exists():
        paid = pq.read_table(folder / "funding.parquet", columns=["symbol", "funding_time", "funding_rate"])
        for symbol, time_ms, rate in zip(*(paid[name].to_pylist() for name in paid.column_names), strict=True):
            rates[symbol].append((time_ms, rate))
    funding = {symbol: (np.array([t for t, _ in sorted(rows)]), np.array([r for _, r in sorted(rows)])) for symbol, rows in rates.items()}
    chosen = {name: value[::every] for name, value in values.items()}
    return Recording([str(name) for name in names[::every]], first, chosen, funding)


def cases(recording: Recording, tell: Callable[[str], None] = lambda _: None) -> list[Case]:
    """All signals with an end, in the order of their candles; `tell` hears of every twentieth of the way."""
    player = Player(recording.symbols, default_rules(TAKER))
    ledger, found, begun = ShadowLedger(most=100_000), list[Case](), dict[str, Candidate | Skip]()
    for bar in recording.bars:
        done = bar - recording.first_bar
        if done * 20 // len(recording.bars) > (done - 1) * 20 // len(recording.bars):
            tell(f"{done / len(recording.bars):.0%} of the candles, {len(found)} signals")
        candles = recording.candles(bar)
        facts = partial(put_facts, player.board, recording, FRAME.close_ms(bar))
        for candle in (c for c in candles if ledger.follows(c.symbol, c.interval)):
            found += [Case(begun.pop(o.followed.idea), o.followed, o) for o in ledger.candle(closed(candle))]
        for signal in player.bar(bar, candles, facts):
            idea = decision_id(signal.symbol, signal.interval, signal.close_ms, signal.direction)
            followed = follow(signal, idea, _own(signal))
            if followed is not None and ledger.add(followed):
                begun[idea] = signal
    return sorted(found, key=lambda case: (case.followed.close_ms, case.followed.symbol))


def again(recording: Recording, followed: Followed) -> Outcome | None:
    """The end of a signal with other distances; None when the recording ends first."""
    now: Followed | Outcome = followed
    for candle in recording.after(followed.symbol, followed.close_ms):
        assert isinstance(now, Followed)
        now = step(now, candle)
        if isinstance(now, Outcome):
            return now
    return None


def put_facts(board: Board, recording: Recording, close_ms: int, candles: list[Candle]) -> None:
    """A book whose spread holds the slippage too, and a mark price whose premium explains the funding."""
    half = SPREAD / 2 + SLIPPAGE
    for candle in candles:
        time_ms = close_ms - 50
        board.put_book(BookTicker(candle.symbol, candle.close * (1 - half), 1.0, candle.close * (1 + half), 1.0, time_ms))
        rate = recording.rate(candle.symbol, close_ms)
        board.put_mark(MarkPrice(candle.symbol, candle.close, candle.close * (1 - rate), rate, 0, time_ms))


def _own(signal: Candidate | Skip) -> dict[str, float]:
    own = {"strength": signal.strength, "edge_r": signal.edge_r, "cost_r": signal.cost_r, "spread_ratio": signal.spread_ratio}
    return {name: value for name, value in own.items() if value is not None}
