"""What counts as a signal."""

from typing import ClassVar, Self

from pydantic import model_validator

from shared.config.choices import CalibrationMode, Interval, TrendBias
from shared.config.knob import LIVE, Section, knob
from shared.domain.candle import interval_ms


class Strategy(Section):
    """Candles, RSI bounds, trend rules and the edge that a signal must show."""

    title: ClassVar[str] = "Strategy"

    interval: Interval = knob("5m", env="ASTER_INTERVAL")
    """Candles on which signals are found."""
    htf_interval: Interval = knob("30m", env="ASTER_HTF_INTERVAL")
    """Longer candles on which the trend is confirmed."""
    rsi_buy_min: float = knob("51", env="ASTER_RSI_BUY_MIN", ge=0, le=100, unit="RSI", applies=LIVE)
    """Lowest RSI at which a long is allowed."""
    rsi_sell_max: float = knob("49", env="ASTER_RSI_SELL_MAX", ge=0, le=100, unit="RSI", applies=LIVE)
    """Highest RSI at which a short is allowed."""
    allow_trend_align: bool = knob("false", env="ASTER_ALLOW_TREND_ALIGN", applies=LIVE)
    """Demand that both candle lengths agree on the direction; fewer and cleaner signals."""
    trend_bias: TrendBias = knob(
        "with", env="ASTER_TREND_BIAS", applies=LIVE, presets={"low": "with", "mid": "with", "high": "with", "att": "against"}
    )
    """Trade crosses with the trend, or fade them once RSI is stretched."""
    min_edge_r: float = knob("0.04", env="ASTER_MIN_EDGE_R", ge=-5, le=5, unit="R", applies=LIVE)
    """Least expected result of a trade in multiples of its risk, after fees, spread and expected funding."""
    calibration_mode: CalibrationMode = knob("auto", env="ASTER_CALIBRATION_MODE", applies=LIVE, expert=True)
    """Whether the edge learned from outcomes may refuse signals (enforce) or is only shown (advise); auto enforces when trading live."""

    @model_validator(mode="after")
    def _confirmation_is_longer(self) -> Self:
        """Confirmation on the same or shorter candles would confirm nothing."""
        if interval_ms(self.htf_interval) <= interval_ms(self.interval):
            raise ValueError(
                f"ASTER_HTF_INTERVAL: expected candles longer than ASTER_INTERVAL ({self.interval.value}), found {self.htf_interval.value}"
            )
        return self
