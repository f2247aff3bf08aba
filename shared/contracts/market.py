"""Market data that services share."""

from typing import ClassVar, Literal

from shared.contracts.envelope import Payload
from shared.contracts.topic import CANDLE, Topic


class CandleClosed(Payload):
    """A candle that is final. Prices in quote units, `volume` in base units."""

    topic: ClassVar[Topic] = CANDLE

    symbol: str
    interval: str
    open_ms: int
    close_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int
    source: Literal["stream", "rest"] = "stream"

    def keys(self) -> tuple[str, ...]:
        """Interval and symbol."""
        return (self.interval, self.symbol)

    def identity(self) -> str:
        """Symbol, interval and open time."""
        return f"{self.symbol}:{self.interval}:{self.open_ms}"
