"""The golden funnel: a small made-up market with every kind of trouble, and how many signals each filter stops in it.

`python -m tests.unit.scanner.golden --write` counts anew (do that only when a rule or a filter changed on purpose);
`--market` before it makes the market anew, too, with the paper venue's own generator.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.funnel import FRAME, Player, count, default_rules, stages
from services.paper_exchange.logic.synthetic import BLOCK, COINS, SyntheticMarket
from services.scanner.board import Board
from shared.domain.candle import Candle
from shared.domain.order import Direction
from shared.exchange.market import BookTicker, MarkPrice

FOLDER = Path(__file__).parents[2] / "golden" / "funnel"
MARKET, COUNTS = FOLDER / "market.parquet", FOLDER / "funnel.json"
BEGIN_MS, BARS, SEED, TAKER = 1_764_547_200_000, 1_200, 20, 0.0002
EPISODE = 24
"""Candles for which a trouble lasts."""
TWINS = ("SOLUSDT", "TWINAUSDT", "TWINBUSDT")
"""Three contracts that move together, held for some time."""
THIN, WICKED = "DOTUSDT", "LTCUSDT"
"""One that is hardly traded, and one whose candles are mostly wick."""
HOURS = 3_600_000


def make_market() -> pa.Table:
    """Five-minute candles of the synthetic market, with two copies of one contract and two odd ones."""
    chosen = tuple(
        coin for coin in COINS if coin.symbol in {"BTCUSDT", "ETHUSDT", "DOGEUSDT", "SUIUSDT", "WLDUSDT", "SOLUSDT", THIN, WICKED}
    )
    market = SyntheticMarket(SEED, chosen, BEGIN_MS)
    whole = market.block()
    while whole.width < BARS * 5:
        whole.extend(market.block())
    assert BLOCK % 5 == 0
    shape = (len(chosen), -1, 5)
    o, h, lo, c = (part.reshape(shape) for part in (whole.open, whole.high, whole.low, whole.close))
    values = {"open": o[:, :, 0], "high": h.max(axis=2), "low": lo.min(axis=2), "close": c[:, :, -1]}
    values["quote_volume"] = whole.quote.reshape(shape).sum(axis=2).round(0)
    names = [coin.symbol for coin in chosen]
    rows = {name: {key: value[names.index(name), :BARS].copy() for key, value in values.items()} for name in names}
    _wick(rows[WICKED])
    rows[THIN]["quote_volume"] = (rows[THIN]["quote_volume"] / 5_000).round(0)
    dice = np.random.default_rng(SEED)
    for twin in TWINS[1:]:
        rows[twin] = _copy(rows[TWINS[0]], dice)
    return _table(rows)


def _wick(row: dict[str, np.ndarray]) -> None:
    """Highs and lows far beyond the bodies."""
    reach = 30 * np.abs(row["close"] - row["open"]) + 0.02
    row["high"], row["low"] = (row["high"] + reach).round(2), (row["low"] - reach).round(2)


def _copy(row: dict[str, np.ndarray], dice: np.random.Generator) -> dict[str, np.ndarray]:
    """Another contract that follows this one, not quite to the last tick."""
    noise = 1 + dice.normal(0, 0.0002, row["close"].shape)
    closes = (row["close"] * noise).round(3)
    opens = np.concatenate([row["open"][:1], closes[:-1]])
    high, low = np.maximum(np.maximum(opens, closes), row["high"]), np.minimum(np.minimum(opens, closes), row["low"])
    return {"open": opens, "high": high, "low": low, "close": closes, "quote_volume": row["quote_volume"].copy()}


def _table(rows: dict[str, dict[str, np.ndarray]]) -> pa.Table:
    opened = BEGIN_MS + np.arange(BARS, dtype=np.int64) * FRAME.length_ms
    columns: dict[str, object] = {"symbol": np.repeat(sorted(rows), BARS), "open_time": np.tile(opened, len(rows))}
    columns |= {key: np.concatenate([rows[name][key] for name in sorted(rows)]) for key in ("open", "high", "low", "close", "quote_volume")}
    return pa.table(columns)


def bars() -> Iterator[tuple[int, list[Candle]]]:
    """The market's candles, bar by bar."""
    table = pq.read_table(MARKET)
    by_bar: dict[int, list[Candle]] = {}
    for symbol, opened, o, h, lo, c, quote in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        by_bar.setdefault(FRAME.bar(opened), []).append(Candle(symbol, FRAME.interval, opened, o, h, lo, c, quote / c, quote, 0))
    yield from sorted(by_bar.items())


def _trouble(symbol: str, bar: int) -> int:
    """Which trouble a symbol has at a candle, 0 to 23; from 12 on it has none."""
    return hashlib.blake2b(f"{symbol} {bar // EPISODE}".encode(), digest_size=8).digest()[0] % 24


def put_facts(board: Board, bar: int, candles: list[Candle]) -> None:
    """Books and marks as the episode wants them, positions and losses."""
    close_ms = FRAME.close_ms(bar)
    for candle in candles:
        trouble = _trouble(candle.symbol, bar)
        _book(board, candle, trouble, close_ms)
        _mark(board, candle, trouble, close_ms)
        if trouble == 10:
            board.losses[candle.symbol] = close_ms - 2 * FRAME.length_ms
    held = bar % 5 < 3
    board.positions = dict.fromkeys(TWINS, Direction.LONG if bar // 200 % 2 else Direction.SHORT) if held else {}


def _book(board: Board, candle: Candle, trouble: int, close_ms: int) -> None:
    """A narrow book; or a wide one (1), none (2), an old one (3)."""
    half = {1: 0.004, 3: 0.0001}.get(trouble, 0.0001)
    board.books.forget(candle.symbol)
    if trouble != 2:
        time_ms = close_ms - (400_000 if trouble == 3 else 50)
        board.put_book(BookTicker(candle.symbol, candle.close * (1 - half), 1.0, candle.close * (1 + half), 1.0, time_ms))


def _mark(board: Board, candle: Candle, trouble: int, close_ms: int) -> None:
    """Funding that the premium explains; or high (4), low (5), a gap (6), unexplained (7, 8), no index (9), nothing (11)."""
    board.marks.forget(candle.symbol)
    if trouble == 11:
        return
    funding = {4: 0.002, 5: -0.002, 7: 0.0004, 8: -0.0004}.get(trouble, 0.0001)
    gap = {6: 0.003, 7: 0.0, 8: 0.0}.get(trouble, float(np.clip(funding, -0.0005, 0.0005)))
    index = 0.0 if trouble == 9 else candle.close / (1 + gap)
    board.put_mark(MarkPrice(candle.symbol, candle.close, index, funding, close_ms + HOURS, close_ms - 50))


@cache
def counted() -> dict[str, object]:
    """The funnel as the golden file has it (counted once per process)."""
    played = list(bars())
    player = Player(sorted({candle.symbol for _, candles in played for candle in candles}), default_rules(TAKER))
    player.board.set_funding_intervals({"SUIUSDT": 4 * HOURS})
    found = []
    for bar, candles in played:
        put_facts(player.board, bar, candles)
        found += player.bar(bar, candles)
    counts = count(found)
    setups = {setup: {o: n for (s, o), n in sorted(counts.items()) if s == setup} for setup in sorted({s for s, _ in counts})}
    return {
        "candles": sum(len(candles) for _, candles in played),
        "signals": sum(counts.values()),
        "candidates": sum(n for (_, outcome), n in counts.items() if outcome == "candidate"),
        "skips": {reason: number for reason, number, _ in stages(counts)},
        "by_setup": setups,
    }


def main(arguments: list[str]) -> int:
    """Write, or say whether the golden file is stale."""
    if "--market" in arguments:
        pq.write_table(make_market(), MARKET, compression="zstd", use_dictionary=["symbol"])
    text = json.dumps(counted(), indent=2) + "\n"
    if "--write" in arguments:
        COUNTS.write_text(text, encoding="utf-8")
        return 0
    return 0 if COUNTS.read_text(encoding="utf-8") == text else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
