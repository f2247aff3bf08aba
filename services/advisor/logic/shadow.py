"""What would have happened: every candidate and skip is followed on closed candles to its target, its stop, or the end.

Rules of the hypothetical trade: entry at the close of the signal's candle; stop and target as offered; when one candle
touches both, the stop counts; a candle that opens beyond the stop fills there; a target fills at its price, never better; after
48 candles it ends at the close. Fees, spread and expected funding are the signal's own `cost_r`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from shared.contracts.market import CandleClosed
from shared.contracts.signal import Signal, Skip

LONGEST = 48
"""Candles until a trade that touched nothing is ended."""
OFFERED = "offered"
"""The reason of a signal that no filter stopped."""


class End(StrEnum):
    """How a followed signal ended; `gap` = a candle is missing, so nobody knows."""

    TARGET = "target"
    STOP = "stop"
    TIME = "time"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A signal on its way. Distances in quote units; `worst` and `best` in R from the entry; times in venue milliseconds.

    `taken` = it became a real trade, so that its result is learned from the trade.
    """

    idea: str
    symbol: str
    interval: str
    close_ms: int
    sign: int
    setup: str
    strength: float
    reason: str
    price: float
    atr: float
    stop_distance: float
    target_distance: float
    cost_r: float
    p_prior: float
    edge_r: float
    raw: dict[str, float]
    until_ms: int
    taken: bool = False
    candles: int = 0
    worst_r: float = 0.0
    best_r: float = 0.0

    @property
    def payoff(self) -> float:
        """Target over stop distance."""
        return self.target_distance / self.stop_distance


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: `gross_r` before, `net_r` after costs."""

    followed: Followed
    end: End
    gross_r: float
    net_r: float
    ended_ms: int


def follow(signal: Signal, idea: str, raw: Mapping[str, float]) -> Followed | None:
    """Begin to follow a signal; None when it has no bracket (its ATR was unknown)."""
    numbers = (signal.atr, signal.stop_distance, signal.target_distance, signal.cost_r, signal.p_prior, signal.edge_r)
    if any(number is None for number in numbers) or not signal.stop_distance or not signal.target_distance:
        return None
    atr, stop, target, cost, prior, edge = (float(number or 0.0) for number in numbers)
    if min(atr, stop, target) <= 0:
        return None
    return Followed(
        idea=idea,
        symbol=signal.symbol,
        interval=signal.interval,
        close_ms=signal.close_ms,
        sign=signal.direction.sign,
        setup=signal.setup.value,
        strength=signal.strength,
        reason=signal.reason.value if isinstance(signal, Skip) else OFFERED,
        price=signal.price,
        atr=atr,
        stop_distance=stop,
        target_distance=target,
        cost_r=cost,
        p_prior=prior,
        edge_r=edge,
        raw={**signal.features, **raw},
        until_ms=signal.close_ms,
    )


def step(followed: Followed, candle: CandleClosed) -> Followed | Outcome:
    """Take one candle of the same symbol and interval. One that is not later than the last changes nothing."""
    if candle.close_ms <= followed.until_ms:
        return followed
    if candle.open_ms != followed.until_ms + 1:
        return Outcome(followed, End.GAP, 0.0, 0.0, candle.close_ms)
    adverse, favourable = (candle.low, candle.high) if followed.sign > 0 else (candle.high, candle.low)
    now = replace(
        followed,
        until_ms=candle.close_ms,
        candles=followed.candles + 1,
        worst_r=min(followed.worst_r, _r(followed, adverse)),
        best_r=max(followed.best_r, _r(followed, favourable)),
    )
    if _r(followed, adverse) <= -1.0:
        return _ended(now, End.STOP, min(-1.0, _r(followed, candle.open)))
    if _r(followed, favourable) >= followed.payoff:
        return _ended(now, End.TARGET, followed.payoff)
    return _ended(now, End.TIME, _r(followed, candle.close)) if now.candles >= LONGEST else now


def _r(followed: Followed, price: float) -> float:
    """A price in R from the entry, + in the trade's favour."""
    return (price - followed.price) * followed.sign / followed.stop_distance


def _ended(followed: Followed, end: End, gross_r: float) -> Outcome:
    return Outcome(followed, end, gross_r, gross_r - followed.cost_r, followed.until_ms)


class ShadowLedger:
    """All signals that are being followed, by symbol and interval. Bounded: beyond `most` the oldest are given up, and counted."""

    def __init__(self, most: int = 5000) -> None:
        self._most = most
        self._open: dict[str, Followed] = {}
        self._by_market: dict[tuple[str, str], dict[str, None]] = {}
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._open)

    def add(self, followed: Followed) -> bool:
        """Begin to follow; False when this idea is followed already."""
        if followed.idea in self._open:
            return False
        self._open[followed.idea] = followed
        self._by_market.setdefault((followed.symbol, followed.interval), {})[followed.idea] = None
        if len(self._open) > self._most:
            self._remove(next(iter(self._open)))
            self.given_up += 1
        return True

    def take(self, idea: str) -> Followed | None:
        """Note that an idea became a trade; its signal, None when it is not followed."""
        found = self._open.get(idea)
        if found is not None:
            found = self._open[idea] = replace(found, taken=True)
        return found

    def follows(self, symbol: str, interval: str) -> bool:
        """Whether anything of this market is followed."""
        return (symbol, interval) in self._by_market

    def candle(self, candle: CandleClosed) -> list[Outcome]:
        """Move everything that follows this market on; what ended, oldest first."""
        ended: list[Outcome] = []
        for idea in list(self._by_market.get((candle.symbol, candle.interval), ())):
            result = step(self._open[idea], candle)
            if isinstance(result, Outcome):
                self._remove(idea)
                ended.append(result)
            else:
                self._open[idea] = result
        return ended

    def _remove(self, idea: str) -> None:
        gone = self._open.pop(idea)
        market = self._by_market[gone.symbol, gone.interval]
        del market[idea]
        if not market:
            del self._by_market[gone.symbol, gone.interval]

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        return {
            "kind": "shadow",
            "version": 1,
            "open": _LIST.dump_python(list(self._open.values()), mode="json"),
            "given_up": self.given_up,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "ShadowLedger":
        """The ledger of a document.

        Raises:
            ValueError: it is not one (pydantic's error is one, too).
        """
        if (document.get("kind"), document.get("version")) != ("shadow", 1):
            raise ValueError(f"expected kind 'shadow' version 1, got {document.get('kind')!r} version {document.get('version')!r}")
        ledger = cls()
        for item in _LIST.validate_python(document.get("open")):
            ledger.add(item)
        ledger.given_up = int(document.get("given_up", 0))
        return ledger


_LIST = TypeAdapter(list[Followed])
