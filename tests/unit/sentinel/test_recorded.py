"""The scores on recorded markets: an ordinary day is green, and bad days are seen."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from services.sentinel.logic.curve import Floats
from services.sentinel.logic.profile import Profile, usual_volume
from services.sentinel.logic.table import Day, Table
from services.sentinel.logic.watch import Watch
from shared.contracts.sentinel import MARKET_KEY, RiskLabel

HOUR = 3_600_000
DATA = os.environ.get("MRASTER_TEST_DATA")  # noqa: TID251 - the one way to the recordings

pytestmark = [
    pytest.mark.recorded,
    pytest.mark.skipif(DATA is None, reason="MRASTER_TEST_DATA is not set: the recordings are not on this machine"),
]


def root() -> Path:
    assert DATA is not None
    found = Path(DATA)
    return found / "data" if (found / "data").is_dir() else found


def test_a_recorded_day_is_mostly_green_at_first_sight() -> None:
    table = Table()
    for row in json.loads((root() / "tickers.json").read_text()):
        prices = (float(row["lastPrice"]), float(row["highPrice"]), float(row["lowPrice"]))
        table.day(row["symbol"], Day(row["closeTime"], *prices, float(row["priceChangePercent"]) / 100, float(row["quoteVolume"])))
    news = Watch(HOUR).judge(table, Profile())
    market = next(told.state for told in news if told.state.symbol == MARKET_KEY)
    troubled = [told.state for told in news if told.state.symbol != MARKET_KEY]
    assert market.label is RiskLabel.GREEN
    assert 0 < len(troubled) <= 0.05 * len(table.measure(Profile()).symbols)


def hourly() -> dict[str, dict[str, Floats]]:
    """Columns by symbol, for symbols that are recorded in every hour."""
    columns = ["symbol", "open_time", "open", "high", "low", "close", "quote_volume"]
    rows = pq.read_table(root() / "klines_1h.parquet", columns=columns)
    names = np.array(rows["symbol"].to_pylist())
    first = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    hours = max(np.diff(np.r_[first, len(names)]))
    values = {name: rows[name].to_numpy() for name in columns[1:]}
    return {
        str(names[start]): {name: column[start:end] for name, column in values.items()}
        for start, end in zip(first, np.r_[first[1:], len(names)], strict=True)
        if end - start == hours
    }


def usual(market: dict[str, dict[str, Floats]], hour: int) -> Profile:
    """What was known at the beginning of the day that holds an hour."""
    day = hour // 24
    found = Profile()
    for symbol, column in market.items():
        daily = column["quote_volume"][: day * 24].reshape(day, 24).sum(axis=1)
        volume = usual_volume(daily.tolist())
        if volume is not None:
            found.usual[symbol] = volume
    return found


def frames(days: int) -> Iterator[tuple[dict[str, Day], Profile]]:
    """24 h statistics at every full hour, and what is usual by then."""
    market = hourly()
    profile = Profile()
    for hour in range(24, 24 * days):
        frame = {}
        profile = usual(market, hour) if hour % 24 == 0 else profile
        for symbol, column in market.items():
            span = slice(hour - 24, hour)
            last, opened = float(column["close"][hour - 1]), float(column["open"][hour - 24])
            high, low = float(column["high"][span].max()), float(column["low"][span].min())
            volume = float(column["quote_volume"][span].sum())
            frame[symbol] = Day(int(column["open_time"][hour]), last, high, low, last / opened - 1, volume)
        yield frame, profile


def test_over_a_recorded_month_few_are_warned_of_and_the_market_hardly_ever() -> None:
    table, watch = Table(), Watch(HOUR)
    counts = dict.fromkeys(RiskLabel, 0)
    market: list[RiskLabel] = []
    total = 0
    for frame, profile in frames(days=30):
        for symbol, day in frame.items():
            table.day(symbol, day)
        watch.judge(table, profile)
        fresh = [s for s in watch._told.values() if s.expires_ms > table.now_ms]
        for state in fresh:
            if state.symbol == MARKET_KEY:
                market.append(state.label)
            else:
                counts[state.label] += 1
        total += len(frame)
    assert (counts[RiskLabel.YELLOW] + counts[RiskLabel.RED]) / total < 0.06
    # Judged once an hour, each warning is seen at its height; with frames every second the share is a third of this.
    assert counts[RiskLabel.RED] / total < 0.03
    assert counts[RiskLabel.RED] > 0
    assert market.count(RiskLabel.GREEN) / len(market) > 0.98
