"""Which candles are looked at, and how far back."""

from dataclasses import dataclass
from typing import Self

from shared.config.registry import name_of
from shared.domain.candle import interval_ms
from shared.domain.errors import ConfigError
from shared.indicators.aggregate import bar_number, bar_open_ms, whole_ratio
from shared.indicators.series import EMA_SLOW, SLOPE_BARS, WARM_BARS

_HIGHER_BARS = 120
_EPOCH_BARS = 240
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Frame:
    """The signal interval, the confirmation interval, and the history that an indicator is computed from: never less than a day.

    Recursive indicators never forget their start entirely, so the start must not depend on when a process was started:
    time is cut into epochs of `epoch_bars`, and in an epoch everything is computed from `warm_bars` before it began.
    Two scanners, or one before and after a restart, therefore agree to the last digit.
    """

    interval: str
    length_ms: int
    ratio: int
    """Signal candles in one longer candle."""
    warm_bars: int
    epoch_bars: int
    needed_bars: int
    """Candles below which nothing is offered: the slowest indicator, or the trend on the longer candles."""

    @classmethod
    def of(cls, interval: str, higher_interval: str) -> Self:
        """The frame of two intervals.

        Raises:
            ConfigError: the longer candle is not a whole number of the shorter ones.
        """
        length_ms = interval_ms(interval)
        ratio = whole_ratio(length_ms, interval_ms(higher_interval))
        if ratio is None:
            raise ConfigError(
                f"{name_of('strategy.htf_interval')}: expected a whole multiple of {name_of('strategy.interval')} ({interval}),"
                f" found {higher_interval};"
                " for example 5m with 30m, or 1h with 4h"
            )
        needed = max(WARM_BARS, (EMA_SLOW + SLOPE_BARS + 1) * ratio)
        warm = max(_HIGHER_BARS * ratio, 2 * WARM_BARS, _DAY_MS // length_ms)
        return cls(interval, length_ms, ratio, warm, _EPOCH_BARS, needed)

    @property
    def capacity(self) -> int:
        """Candles that must be kept per symbol."""
        return self.warm_bars + self.epoch_bars

    @property
    def day_bars(self) -> int:
        """Candles of 24 hours; at least one."""
        return max(1, _DAY_MS // self.length_ms)

    def bar(self, open_ms: int) -> int:
        """Number of the candle that is open at this time."""
        return bar_number(open_ms, self.length_ms)

    def open_ms(self, bar: int) -> int:
        """When a candle opens."""
        return bar_open_ms(bar, self.length_ms)

    def close_ms(self, bar: int) -> int:
        """Last millisecond of a candle."""
        return self.open_ms(bar + 1) - 1

    def epoch(self, bar: int) -> int:
        """Number of the epoch that a candle belongs to."""
        return bar // self.epoch_bars

    def start(self, bar: int) -> int:
        """First candle that counts for the indicators of `bar`."""
        return self.epoch(bar) * self.epoch_bars - self.warm_bars

    def higher_bar(self, bar: int) -> int | None:
        """Number of the longer candle that ends with this one, None when none does."""
        into = (self.open_ms(bar) - bar_open_ms(bar_number(self.open_ms(bar), self._higher_ms), self._higher_ms)) // self.length_ms
        return bar_number(self.open_ms(bar), self._higher_ms) if into == self.ratio - 1 else None

    @property
    def _higher_ms(self) -> int:
        return self.length_ms * self.ratio
