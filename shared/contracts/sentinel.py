"""How risky the sentinel finds a symbol, or the whole market."""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.topic import SENTINEL_STATE, Topic

MARKET_KEY = "MARKET"


class RiskLabel(StrEnum):
    """green < 0.45 <= yellow < 0.75 <= red, on event risk."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class SentinelState(Payload):
    """Event risk of a symbol (or `MARKET`). `size_clamp` multiplies sizes; `veto` forbids entries until `expires_ms`."""

    topic: ClassVar[Topic] = SENTINEL_STATE

    symbol: str
    ts_ms: int
    label: RiskLabel
    event_risk: float = Field(ge=0, le=1)
    hype: float = Field(ge=0, le=1)
    size_clamp: Decimal = Field(ge=0, le=1)
    veto: bool
    reasons: tuple[str, ...] = ()
    inputs: dict[str, float] = Field(default_factory=dict)
    expires_ms: int

    def keys(self) -> tuple[str, ...]:
        """The symbol or MARKET."""
        return (self.symbol,)

    def identity(self) -> str:
        """Symbol and time of the judgement."""
        return f"{self.symbol}:{self.ts_ms}"
