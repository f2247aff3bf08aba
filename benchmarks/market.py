"""A made-up recording for benchmarks: many symbols that trend up and down in turns, far enough to pay for a trade."""

import csv
import math
from pathlib import Path

import numpy as np

STEP_MS = 300_000
START_MS = 1_764_547_200_000
COLUMNS = ("symbol", "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades")


def write(path: Path, symbols: int, candles: int, *, seed: int = 1, turn: int = 48, together: bool = False) -> list[str]:
    """Write 5m candles as CSV; the names of the symbols. `together`: all of them move alike, so that a signal comes from all at once."""
    random = np.random.default_rng(seed)
    names = [f"BENCH{n:03d}USDT" for n in range(symbols)]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for number, name in enumerate(names):
            dice = np.random.default_rng(seed) if together else random
            _one(out, name, candles, dice, phase=0 if together else number * 7, turn=turn)
    return names


def _one(out: "csv._writer", name: str, candles: int, random: np.random.Generator, *, phase: int, turn: int) -> None:  # type: ignore[name-defined]
    price = 100.0
    for n in range(candles):
        up = ((n + phase) // turn) % 2 == 0
        opened = price
        price *= math.exp((0.004 if up else -0.004) + 0.003 * random.standard_normal())
        high = max(opened, price) * (1 + 0.002 * random.random())
        low = min(opened, price) * (1 - 0.002 * random.random())
        volume = 20_000 + 10_000 * random.random()
        open_ms = START_MS + n * STEP_MS
        row = (opened, high, low, price)
        out.writerow((name, open_ms, *(f"{x:.4f}" for x in row), f"{volume:.1f}", open_ms + STEP_MS - 1, f"{volume * price:.1f}", 500))
