"""What went wrong, or right, with a closed trade: a fixed list of causes with weights 0-1, from its path by rules.

The weights come back as policy features: an average per symbol and over all, in which a trade counts half after 30 more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.learning import Cause

HALF_LIFE_TRADES = 30.0
_KEEP = 0.5 ** (1.0 / HALF_LIFE_TRADES)
EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A closed trade. R values are of the initial risk. None = nobody saw it, and causes that need it weigh 0.

    `exit_beyond_stop_r` how far behind the stop it was closed; `slip_r` how much worse than the plan's price it was entered;
    `turned_r` how far the price went in the trade's favour after it was stopped out (within the following hours);
    `atr_growth` ATR at the end over ATR at the entry; `higher_turned` whether the longer trend changed sides;
    `symbol_risk` and `market_risk` the sentinel's highest while it was open; `funding_against` the rate paid, per 8 h.
    """

    net_r: float
    payoff: float
    stopped: bool
    mae_r: float | None = None
    mfe_r: float | None = None
    exit_beyond_stop_r: float | None = None
    slip_r: float | None = None
    turned_r: float | None = None
    atr_growth: float | None = None
    higher_turned: bool | None = None
    symbol_risk: float | None = None
    market_risk: float | None = None
    funding_against: float | None = None


def causes(path: Path) -> dict[Cause, float]:
    """Weight of every cause; each curve is a straight ramp between two bounds."""
    lost = path.net_r < 0
    found = {
        Cause.TREND_BREAK: float(bool(lost and path.higher_turned)),
        Cause.NEWS_DRIVER: _ramp(path.symbol_risk, 0.45, 0.9) * lost,
        Cause.LIQUIDITY_GAP: _ramp(path.exit_beyond_stop_r, 0.05, 0.5),
        Cause.EXECUTION_DELAY: _ramp(path.slip_r, 0.05, 0.3),
        Cause.SENTIMENT_CONFLICT: _ramp(path.funding_against, 0.0003, 0.001) * lost,
        Cause.MACRO_EVENT: _ramp(path.market_risk, 0.45, 0.9) * lost,
        Cause.VOLATILITY_SHOCK: _ramp(path.atr_growth, 1.3, 2.5) * lost,
        Cause.STOP_TOO_TIGHT: _ramp(path.turned_r, 0.5, max(path.payoff, 0.6)) * path.stopped,
        Cause.TARGET_TOO_FAR: _ramp(None if path.mfe_r is None else path.mfe_r / path.payoff, 0.5, 0.95) * lost,
        Cause.LATE_ENTRY: _ramp(None if path.mfe_r is None else -path.mfe_r, -0.3, 0.0) * lost,
    }
    flaws = max(found[cause] for cause in (Cause.EXECUTION_DELAY, Cause.LIQUIDITY_GAP, Cause.NEWS_DRIVER, Cause.MACRO_EVENT))
    held = path.net_r >= -1.25
    return {**found, Cause.GOOD_PROCESS: (1.0 - flaws) * held}


def _ramp(value: float | None, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`; 0 for what nobody saw."""
    return 0.0 if value is None else min(1.0, max(0.0, (value - low) / (high - low)))


class Lessons:
    """Running averages of the causes, per symbol and over all."""

    def __init__(self) -> None:
        self._averages: dict[str, dict[str, float]] = {}

    def note(self, symbol: str, weights: Mapping[Cause, float]) -> None:
        """Take in a closed trade."""
        for key in (symbol, EVERYTHING):
            average = self._averages.setdefault(key, {})
            for cause in Cause:
                average[cause.value] = _KEEP * average.get(cause.value, 0.0) + (1.0 - _KEEP) * weights.get(cause, 0.0)

    @property
    def overall(self) -> dict[str, float]:
        """The average over all trades, by cause; empty before the first."""
        return dict(self._averages.get(EVERYTHING, {}))

    def of(self, symbol: str) -> dict[str, float]:
        """The average of a symbol, or of all where it has none, as raw policy features."""
        average = self._averages.get(symbol) or self._averages.get(EVERYTHING, {})
        return {f"postmortem_{cause.value}": average.get(cause.value, 0.0) for cause in Cause}

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        return {"kind": "lessons", "version": 1, "averages": self._averages}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Lessons":
        """The lessons of a document.

        Raises:
            ValueError: it is not one.
        """
        if (document.get("kind"), document.get("version")) != ("lessons", 1):
            raise ValueError(f"expected kind 'lessons' version 1, got {document.get('kind')!r} version {document.get('version')!r}")
        lessons = cls()
        try:
            lessons._averages = {
                str(symbol): {Cause(cause).value: min(1.0, max(0.0, float(weight))) for cause, weight in average.items()}
                for symbol, average in document["averages"].items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"expected averages by symbol: {error}") from error
        return lessons
