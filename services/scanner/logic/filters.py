"""Market hygiene: every filter in a fixed order; the first that fails gives the reason.

A filter without its data fails with a reason of its own. No filter loosens because another one passed.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scanner.logic.market import MarketSnapshot
from shared.contracts.signal import SkipReason
from shared.indicators.types import Floats

FUNDING_BASE_MS = 8 * 3_600_000
"""Funding limits are meant per eight hours."""
CORRELATED_PEERS = 2
COOLDOWN_BARS = 6.0


@dataclass(frozen=True, slots=True)
class Hygiene:
    """Limits of the filters; ratios are fractions. `max_age_ms` is the age from which a market fact counts as stale."""

    needed_bars: int
    max_age_ms: float
    min_quote_volume: float
    spread_max: float
    wickiness_max: float
    funding_enabled: bool
    funding_max_long: float
    funding_max_short: float
    non_arb_enabled: bool
    non_arb_clamp: float
    non_arb_threshold: float
    non_arb_gap: float
    min_edge_r: float
    correlated_peers: int = CORRELATED_PEERS
    cooldown_bars: float = COOLDOWN_BARS


class Signals(NamedTuple):
    """What is filtered, one value per signal: direction, candle count, wickiness, age of the candle, ATR and edge."""

    sign: Floats
    bars: Floats
    candle_age_ms: Floats
    candle_limit_ms: float
    wickiness: Floats
    atr: Floats
    edge_r: Floats


class Check(NamedTuple):
    """One filter over all signals: who fails, with what value, against what limit."""

    reason: SkipReason
    failed: NDArray[np.bool_]
    value: Floats
    limit: Floats


class Verdict(NamedTuple):
    """The first failing filter of one signal. `gap` is how far it missed, relative to the limit (absolute when that is 0)."""

    reason: SkipReason
    value: float | None
    limit: float | None
    gap: float | None


def first_failures(signals: Signals, market: MarketSnapshot, limits: Hygiene) -> list[Verdict | None]:
    """For each signal the first filter that fails, None when all pass."""
    checks = all_checks(signals, market, limits)
    failed = np.stack([check.failed for check in checks])
    first = failed.argmax(axis=0)
    return [_verdict(checks[int(first[i])], i) if failed[first[i], i] else None for i in range(len(signals.sign))]


def all_checks(signals: Signals, market: MarketSnapshot, limits: Hygiene) -> list[Check]:
    """Every filter in its order."""
    return [
        *_data_checks(signals, market, limits),
        *_book_checks(signals, market, limits),
        *(_funding_checks(signals, market, limits) if limits.funding_enabled else ()),
        *(_oracle_checks(signals, market, limits) if limits.non_arb_enabled else ()),
        *_exposure_checks(signals, market, limits),
        _absent(SkipReason.MISSING_ATR, np.where(signals.atr > 0, signals.atr, np.nan)),
        _below(SkipReason.EDGE, signals.edge_r, limits.min_edge_r),
    ]


def _data_checks(signals: Signals, market: MarketSnapshot, limits: Hygiene) -> list[Check]:
    """Enough candles, and nothing that is too old."""
    checks = [
        _below(SkipReason.TOO_FEW_CANDLES, signals.bars, limits.needed_bars),
        _above(SkipReason.STALE_DATA, signals.candle_age_ms, signals.candle_limit_ms),
        _above(SkipReason.STALE_DATA, market.book_age_ms, limits.max_age_ms),
    ]
    if limits.funding_enabled or limits.non_arb_enabled:
        checks.append(_above(SkipReason.STALE_DATA, market.mark_age_ms, limits.max_age_ms))
    return checks


def _book_checks(signals: Signals, market: MarketSnapshot, limits: Hygiene) -> list[Check]:
    """Liquidity and orderly candles."""
    spread = market.spread
    return [
        _absent(SkipReason.MISSING_QUOTE_VOLUME, market.quote_volume),
        _below(SkipReason.QUOTE_VOLUME, market.quote_volume, limits.min_quote_volume),
        _absent(SkipReason.MISSING_SPREAD, spread),
        _above(SkipReason.SPREAD, spread, limits.spread_max),
        _above(SkipReason.WICKINESS, signals.wickiness, limits.wickiness_max),
    ]


def _funding_checks(signals: Signals, market: MarketSnapshot, limits: Hygiene) -> list[Check]:
    """Funding that the position would pay, brought to eight hours."""
    rate = market.funding * FUNDING_BASE_MS / market.funding_interval_ms
    return [
        _absent(SkipReason.MISSING_FUNDING, rate),
        _only(_above(SkipReason.FUNDING_LONG, rate, limits.funding_max_long), signals.sign > 0),
        _only(_below(SkipReason.FUNDING_SHORT, rate, -limits.funding_max_short), signals.sign < 0),
    ]


def funding_edge(market: MarketSnapshot, clamp: float) -> Floats:
    """The part of the funding rate that the gap between mark and index does not explain, per funding interval."""
    return market.funding - np.clip(market.gap, -clamp, clamp)


def _oracle_checks(signals: Signals, market: MarketSnapshot, limits: Hygiene) -> list[Check]:
    """The non-arbitrage guard: a gap too wide, or funding that is paid for nothing."""
    gap, edge = market.gap, funding_edge(market, limits.non_arb_clamp)
    return [
        _absent(SkipReason.MISSING_ORACLE, gap),
        _above(SkipReason.ORACLE_GAP, np.abs(gap), limits.non_arb_gap),
        _absent(SkipReason.MISSING_FUNDING, edge),
        _only(_above(SkipReason.NON_ARB_LONG, edge, limits.non_arb_threshold), signals.sign > 0),
        _only(_below(SkipReason.NON_ARB_SHORT, edge, -limits.non_arb_threshold), signals.sign < 0),
    ]


def _exposure_checks(signals: Signals, market: MarketSnapshot, limits: Hygiene) -> list[Check]:
    """What the account already holds or has just lost."""
    peers = np.where(signals.sign > 0, market.peers_long, market.peers_short)
    unseen = np.where(signals.sign > 0, market.unseen_long, market.unseen_short)
    return [
        _above(SkipReason.CORRELATED, peers, limits.correlated_peers),
        _above(SkipReason.MISSING_CORRELATION, peers + unseen, limits.correlated_peers),
        _below(SkipReason.COOLDOWN, market.bars_since_loss, limits.cooldown_bars),
    ]


def _above(reason: SkipReason, value: Floats, limit: float) -> Check:
    """Fails where the value is above the limit."""
    return Check(reason, value > limit, value, np.full(len(value), float(limit)))


def _below(reason: SkipReason, value: Floats, limit: float) -> Check:
    """Fails where the value is below the limit, or where there is none to compare."""
    return Check(reason, ~(value >= limit), value, np.full(len(value), float(limit)))


def _absent(reason: SkipReason, value: Floats) -> Check:
    """Fails where the value is not known."""
    nothing = np.full(len(value), np.nan)
    return Check(reason, np.isnan(value), nothing, nothing)


def _only(check: Check, where: NDArray[np.bool_]) -> Check:
    """The same filter for one direction."""
    return check._replace(failed=check.failed & where)


def _verdict(check: Check, place: int) -> Verdict:
    """The numbers of a failure; what is not finite is left out."""
    value, limit = _finite(check.value[place]), _finite(check.limit[place])
    gap = None
    if value is not None and limit is not None:
        gap = abs(value - limit) / (abs(limit) or 1.0)
    return Verdict(check.reason, value, limit, gap)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
