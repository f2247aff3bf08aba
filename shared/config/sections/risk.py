"""How much one trade may lose, and how much all of them."""

from decimal import Decimal
from typing import ClassVar, Self

from pydantic import model_validator

from shared.config.kinds import Leverage
from shared.config.knob import LIVE, NEXT_TRADE, Section, knob

MAX_LEVERAGE = 125


class Risk(Section):
    """Sizing, caps and the account's breakers."""

    title: ClassVar[str] = "Risk and sizing"

    per_trade: Decimal = knob(
        "0.007",
        env="ASTER_RISK_PER_TRADE",
        ge=Decimal("0.0005"),
        le=Decimal("0.05"),
        unit="of equity",
        applies=NEXT_TRADE,
        presets={"low": "0.004", "mid": "0.007", "high": "0.015", "att": "0.0075"},
    )
    """Share of equity that is lost when the stop is hit at its price, before size multipliers."""
    equity_fraction: Decimal = knob(
        "0.66",
        env="ASTER_EQUITY_FRACTION",
        gt=0,
        le=1,
        unit="of equity",
        applies=NEXT_TRADE,
        presets={"low": "0.33", "mid": "0.66", "high": "1.00", "att": "1.00"},
    )
    """Share of equity that all open positions together may use as margin."""
    leverage: Leverage = knob(
        "10",
        env="ASTER_LEVERAGE",
        ge=1,
        le=MAX_LEVERAGE,
        unit="x",
        words=("max",),
        applies=NEXT_TRADE,
        presets={"low": "4", "mid": "10", "high": "max", "att": "max"},
    )
    """Highest leverage that is set on the venue; max means whatever the venue allows for the symbol.
    The stop decides how large a position is, not the leverage."""
    max_open_global: int = knob("0", env="ASTER_MAX_OPEN_GLOBAL", ge=0, le=1000, unit="positions", applies=NEXT_TRADE)
    """Most positions open at once; 0 means no limit."""
    max_open_per_symbol: int = knob("1", env="ASTER_MAX_OPEN_PER_SYMBOL", ge=0, le=100, unit="positions", applies=NEXT_TRADE)
    """Most positions open in one symbol; 0 means no limit."""
    max_open_risk: Decimal = knob("0.06", env="ASTER_MAX_OPEN_RISK", gt=0, le=1, unit="of equity", applies=NEXT_TRADE)
    """Share of equity that would be lost if every open stop were hit."""
    max_notional_usdt: Decimal = knob("0", env="ASTER_MAX_NOTIONAL_USDT", ge=0, le=10**12, unit="USDT", applies=NEXT_TRADE)
    """Largest value of one position; 0 means no limit."""
    default_notional_usdt: Decimal = knob("0", env="ASTER_DEFAULT_NOTIONAL", ge=0, le=10**12, unit="USDT", applies=NEXT_TRADE, expert=True)
    """Position value used when it cannot be computed from equity and stop; 0 refuses such a trade."""

    size_mult_floor: Decimal = knob("0", env="ASTER_SIZE_MULT_FLOOR", ge=0, le=10, unit="x", group="Size multipliers", applies=NEXT_TRADE)
    """Lower bound of the size multiplier. Warnings and brakes still shrink a trade below it."""
    size_mult_cap: Decimal = knob("3.0", env="ASTER_SIZE_MULT_CAP", gt=0, le=10, unit="x", group="Size multipliers", applies=NEXT_TRADE)
    """Upper bound of the size multiplier."""
    size_mult_s: Decimal = knob(
        "1.0", env="ASTER_SIZE_MULT_S", gt=0, le=10, unit="x", group="Size multipliers", applies=NEXT_TRADE, expert=True
    )
    """Multiplier of the small bucket."""
    size_mult_m: Decimal = knob(
        "1.5", env="ASTER_SIZE_MULT_M", gt=0, le=10, unit="x", group="Size multipliers", applies=NEXT_TRADE, expert=True
    )
    """Multiplier of the medium bucket."""
    size_mult_l: Decimal = knob(
        "2.2", env="ASTER_SIZE_MULT_L", gt=0, le=10, unit="x", group="Size multipliers", applies=NEXT_TRADE, expert=True
    )
    """Multiplier of the large bucket."""

    confidence_sizing: bool = knob("true", env="ASTER_CONFIDENCE_SIZING", group="Confidence", applies=NEXT_TRADE)
    """Let confident decisions be larger."""
    confidence_size_min: Decimal = knob(
        "1.0",
        env="ASTER_CONFIDENCE_SIZE_MIN",
        ge=0,
        le=10,
        unit="x",
        group="Confidence",
        applies=NEXT_TRADE,
        expert=True,
    )
    """Multiplier at no confidence."""
    confidence_size_max: Decimal = knob(
        "3.0",
        env="ASTER_CONFIDENCE_SIZE_MAX",
        gt=0,
        le=10,
        unit="x",
        group="Confidence",
        applies=NEXT_TRADE,
        expert=True,
    )
    """Multiplier at full confidence."""
    confidence_size_blend: Decimal = knob(
        "1",
        env="ASTER_CONFIDENCE_SIZE_BLEND",
        ge=0,
        le=1,
        unit="share",
        group="Confidence",
        applies=NEXT_TRADE,
        expert=True,
    )
    """How much of the confidence multiplier is used; 0 is none of it."""
    confidence_size_exp: Decimal = knob(
        "2.0",
        env="ASTER_CONFIDENCE_SIZE_EXP",
        gt=0,
        le=10,
        unit="exponent",
        group="Confidence",
        applies=NEXT_TRADE,
        expert=True,
    )
    """Bend of the curve: above 1, only high confidence enlarges a trade much."""

    max_daily_loss: Decimal = knob("0.05", env="ASTER_MAX_DAILY_LOSS", gt=0, le=1, unit="of equity", group="Breakers", applies=LIVE)
    """Loss within a UTC day, open positions counted, at which no new trades are entered; a share of the day's opening equity."""
    max_drawdown: Decimal = knob("0.20", env="ASTER_MAX_DRAWDOWN", gt=0, le=1, unit="of peak equity", group="Breakers", applies=LIVE)
    """Loss from the highest equity at which no new trades are entered."""
    max_loss_streak: int = knob("6", env="ASTER_MAX_LOSS_STREAK", ge=1, le=100, unit="trades", group="Breakers", applies=LIVE)
    """Losing trades in a row after which entries pause for a while."""

    @property
    def leverage_cap(self) -> int:
        """The leverage as a number; `max` is the highest that any venue offers."""
        return self.leverage if isinstance(self.leverage, int) else MAX_LEVERAGE

    @model_validator(mode="after")
    def _multipliers_are_ordered(self) -> Self:
        """Bounds and buckets that cross each other would make sizes jump the wrong way."""
        if self.size_mult_floor > self.size_mult_cap:
            raise ValueError(
                f"ASTER_SIZE_MULT_FLOOR: expected at most ASTER_SIZE_MULT_CAP ({self.size_mult_cap}), found {self.size_mult_floor}"
            )
        if not self.size_mult_s <= self.size_mult_m <= self.size_mult_l:
            found = f"{self.size_mult_s}, {self.size_mult_m}, {self.size_mult_l}"
            raise ValueError(f"ASTER_SIZE_MULT_M: expected ASTER_SIZE_MULT_S <= _M <= _L, found {found}")
        if self.confidence_size_min > self.confidence_size_max:
            raise ValueError(
                f"ASTER_CONFIDENCE_SIZE_MIN: expected at most ASTER_CONFIDENCE_SIZE_MAX ({self.confidence_size_max}),"
                f" found {self.confidence_size_min}"
            )
        return self
