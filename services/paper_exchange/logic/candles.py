"""Recorded or generated candles of many contracts on one time grid."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PRICE_FIELDS = ("open", "high", "low", "close")


@dataclass(slots=True, kw_only=True)
class Grid:
    """Candles as matrices of shape (symbols, candles).

    Column c opens at `start_ms + c * interval_ms`. A candle that does not exist is NaN in every float column. `trades` is
    -1 where unknown. `taker` holds, only for contracts where it was recorded, the base and quote volume that takers bought.
    """

    symbols: tuple[str, ...]
    interval: str
    interval_ms: int
    start_ms: int
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote: Floats
    trades: npt.NDArray[np.int32]
    taker: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Number of candles per contract."""
        return int(self.open.shape[1])

    @property
    def end_ms(self) -> int:
        """When the last candle ends."""
        return self.open_ms(self.width)

    def open_ms(self, column: int) -> int:
        """Opening time of a column."""
        return self.start_ms + column * self.interval_ms

    def column(self, time_ms: int) -> int:
        """The column whose candle contains a time (may lie outside the grid)."""
        return (time_ms - self.start_ms) // self.interval_ms

    def extend(self, more: "Grid") -> None:
        """Append the columns of a grid of the same contracts that begins where this one ends."""
        for name in (*PRICE_FIELDS, "volume", "quote", "trades"):
            setattr(self, name, np.concatenate((getattr(self, name), getattr(more, name)), axis=1))

    def count(self, row: int, column: int) -> int:
        """Number of trades of a candle; estimated as one per 400 quote units where unknown."""
        known = int(self.trades[row, column])
        return known if known >= 0 else 1 + int(self.quote[row, column] // 400)


def estimate_counts(trades: npt.NDArray[np.int32], quote: Floats) -> Ints:
    """`Grid.count` for a whole slice."""
    guess = 1 + np.nan_to_num(quote) // 400
    return np.where(trades >= 0, trades, guess).astype(np.int64)
