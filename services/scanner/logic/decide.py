"""From closed candles and market facts to one candidate or one skip per symbol that had a setup."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from services.scanner.logic.edge import Calibration, Edge, EdgeTerms, Offer, edge_of
from services.scanner.logic.features import Features
from services.scanner.logic.filters import FUNDING_BASE_MS, Hygiene, Signals, Verdict, first_failures, funding_edge
from services.scanner.logic.market import MarketSnapshot
from services.scanner.logic.setups import Fired, Flags, RuleBook, find, scan
from shared.contracts.signal import Candidate, Skip
from shared.domain.order import Direction
from shared.indicators.series import Series
from shared.indicators.types import Floats


@dataclass(frozen=True, slots=True)
class Rules:
    """All settings that decisions depend on."""

    book: RuleBook
    hygiene: Hygiene
    terms: EdgeTerms
    calibration: Calibration = field(default_factory=Calibration)


@dataclass(frozen=True, slots=True)
class ClosedBatch:
    """Symbols whose candle of the same close time is in. `now_ms` is venue time; a candidate is valid for `valid_ms` after the close."""

    symbols: list[str]
    interval: str
    close_ms: int
    now_ms: int
    valid_ms: int
    features: Features


def signals(features: Features, volume_rank: Floats, rules: Rules, leaders: Flags | None = None) -> Fired:
    """What the rules find in a batch, before any filter. Each finding depends on its own symbol only.

    `leaders`: symbols that are offered as `trend_scan` where no rule fired, when the rule book says so (logic/trends.py).
    """
    fired = find(features, volume_rank, rules.book)
    if rules.book.trend_scan and leaders is not None and leaders.any():
        fired = _joined(fired, scan(features, volume_rank, fired, leaders))
    return fired


def judge(closed: ClosedBatch, fired: Fired, market: MarketSnapshot, rules: Rules) -> list[Candidate | Skip]:
    """One candidate or skip per finding, in their order; `market` holds the facts of the findings' symbols."""
    return _Judged(closed, fired, market, rules).messages() if len(fired.place) else []


def decide(closed: ClosedBatch, market: MarketSnapshot, rules: Rules) -> list[Candidate | Skip]:
    """Both steps at once, with the facts of all symbols of the batch, which count as the leaders."""
    fired = signals(closed.features, market.volume_rank, rules, np.ones(len(closed.symbols), dtype=np.bool_))
    return judge(closed, fired, market.pick(fired.place), rules)


class _Judged:
    """Signals of a batch with their edge and their first failing filter."""

    def __init__(self, closed: ClosedBatch, fired: Fired, market: MarketSnapshot, rules: Rules) -> None:
        self._closed, self._fired, self._market, self._rules = closed, fired, market, rules
        features = closed.features
        self._atr = features.value(Series.ATR)[fired.place]
        self._spread, self._gap = market.spread, market.gap
        self._paid_for_nothing = funding_edge(market, rules.hygiene.non_arb_clamp)
        self._edge = self._worth(features)
        self._verdicts = first_failures(self._signals(features), market, rules.hygiene)

    def _worth(self, features: Features) -> Edge:
        fired, market = self._fired, self._market
        offer = Offer(
            setups=fired.setup,
            sign=fired.sign,
            strength=fired.strength,
            price=features.close[fired.place],
            atr=self._atr,
            spread=self._spread,
            funding=market.funding,
            funding_interval_ms=market.funding_interval_ms,
        )
        return edge_of(offer, self._rules.terms, self._rules.calibration)

    def _signals(self, features: Features) -> Signals:
        fired, closed = self._fired, self._closed
        return Signals(
            sign=fired.sign,
            bars=features.bars[fired.place],
            candle_age_ms=np.full(len(fired.place), float(closed.now_ms - closed.close_ms - 1)),
            candle_limit_ms=float(closed.valid_ms),
            wickiness=features.value(Series.WICKINESS)[fired.place],
            atr=self._atr,
            edge_r=self._edge.decisive,
        )

    def messages(self) -> list[Candidate | Skip]:
        """One message per signal."""
        rows = zip(self._numbers(), self._features(), self._verdicts, strict=True)
        return [self._message(i, numbers, features, verdict) for i, (numbers, features, verdict) in enumerate(rows)]

    def _message(self, i: int, numbers: dict[str, float | None], features: dict[str, float], verdict: Verdict | None) -> Candidate | Skip:
        closed, fired = self._closed, self._fired
        common: dict[str, Any] = {
            "symbol": closed.symbols[int(fired.place[i])],
            "interval": closed.interval,
            "close_ms": closed.close_ms,
            "direction": Direction.LONG if fired.sign[i] > 0 else Direction.SHORT,
            "setup": fired.setup[i],
            "features": features,
            **numbers,
        }
        if verdict is None:
            return Candidate(**common, valid_until_ms=closed.close_ms + 1 + closed.valid_ms)
        return Skip(**common, reason=verdict.reason, value=verdict.value, limit=verdict.limit, gap=verdict.gap)

    def _numbers(self) -> list[dict[str, float | None]]:
        """The numbers that every message has, per signal."""
        edge, fired = self._edge, self._fired
        columns = {
            "strength": fired.strength,
            "price": self._closed.features.close[fired.place],
            "atr": self._atr,
            "stop_distance": edge.stop_distance,
            "target_distance": edge.target_distance,
            "p_prior": edge.p_prior,
            "p": edge.p,
            "cost_r": edge.cost_r,
            "edge_r": edge.decisive,
            "spread_ratio": self._spread,
        }
        return [{name: _known(value) for name, value in row.items()} for row in _rows(columns)]

    def _features(self) -> list[dict[str, float]]:
        """The named features that are known, per signal."""
        market, edge = self._market, self._edge
        columns = {
            **self._closed.features.published(self._fired.place),
            "volume_rank": market.volume_rank,
            "quote_volume": market.quote_volume,
            "funding_rate_8h": market.funding * FUNDING_BASE_MS / market.funding_interval_ms,
            "funding_edge": self._paid_for_nothing,
            "oracle_gap": self._gap,
            "edge_prior_r": edge.prior_r,
            "edge_calibrated_r": edge.calibrated_r,
        }
        return [{name: value for name, value in row.items() if isfinite(value)} for row in _rows(columns)]


def _rows(columns: dict[str, Floats]) -> list[dict[str, float]]:
    """Columns as one dictionary per signal (plain floats, all converted at once)."""
    names = tuple(columns)
    return [dict(zip(names, row, strict=True)) for row in np.stack(list(columns.values()), axis=1).tolist()]


def _known(value: float) -> float | None:
    """A number for a message; None when it is not known."""
    return value if isfinite(value) else None


def _joined(first: Fired, second: Fired) -> Fired:
    """Two sets of findings about different symbols, by place."""
    place = np.concatenate([first.place, second.place])
    order = np.argsort(place, kind="stable")
    setups = [*first.setup, *second.setup]
    return Fired(
        place[order],
        np.concatenate([first.sign, second.sign])[order],
        [setups[i] for i in order],
        np.concatenate([first.strength, second.strength])[order],
    )
