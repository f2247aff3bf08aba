"""The longer trend of a symbol from its signal candles, by the scanner's definition: EMA55 of longer candles and where they close."""

from dataclasses import dataclass, field

EMA_BARS = 55
RISE_BARS = 4


@dataclass(slots=True)
class LongerTrend:
    """State of one symbol. `closed` = the longer candle `bar` is in; `emas` are the last five values; `bars` counts closed ones."""

    bar: int = -1
    close: float = 0.0
    closed: bool = True
    bars: int = 0
    emas: list[float] = field(default_factory=list)

    def candle(self, open_ms: int, close_ms: int, close: float, length_ms: int) -> None:
        """Take a signal candle. A longer candle whose last part is missing ends with what was seen of it."""
        bar = open_ms // length_ms
        if bar > self.bar and not self.closed:
            self._end()
        self.bar, self.close, self.closed = bar, close, False
        if (close_ms + 1) % length_ms == 0:
            self._end()

    def _end(self) -> None:
        """The average begins as the plain mean of its first values."""
        self.closed = True
        self.bars += 1
        last = self.emas[-1] if self.emas else self.close
        weight = 1.0 / self.bars if self.bars <= EMA_BARS else 2.0 / (EMA_BARS + 1)
        self.emas.append(last + weight * (self.close - last))
        del self.emas[: -RISE_BARS - 1]

    @property
    def side(self) -> int | None:
        """+1 up, -1 down, 0 flat; None while too few longer candles are known. The close is that of the newest candle."""
        if self.bars < EMA_BARS + RISE_BARS:
            return None
        rise, above = self.emas[-1] - self.emas[0], self.close - self.emas[-1]
        return int(rise > 0 and above > 0) - int(rise < 0 and above < 0)
