"""The state file of the original bot: which of its trades carry enough to learn from, and what else is in it.

A trade is kept with its side, entry, gross result in R and the features at its entry. What is taken over are features that mean the
same here; the setup, the target and the fees were not kept. So each trade teaches the policy alone, with half weight, and the fees of
both ways are taken off its result.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FEE_RATIO = 0.0005
"""Taker fee of one way, as both venues charge without discounts."""
WEIGHT = 0.5
FEWEST_FEATURES = 3
_STOPS = (0.0005, 0.25)
"""Plausible distances of a stop, relative to the price."""
SAME = {
    "rsi": "rsi",
    "adx": "adx",
    "atr_pct": "atr_ratio",
    "bb_position": "bb_position",
    "bb_width": "bb_width",
    "stoch_rsi_k": "stoch_rsi_k",
    "stoch_rsi_d": "stoch_rsi_d",
    "supertrend_dir": "supertrend_side",
    "funding": "funding_rate_8h",
    "spread_bps": "spread_ratio",
}
"""Their name -> our source of a feature. Their spread is a ratio in spite of its name."""
HISTORY = "trade_history"
_FATES = {
    "live_trades": "open positions are read from the venue",
    "policy": "a model of other features; it is learned anew",
    "alpha": "a model of other features; it is learned anew",
    "decision_stats": "counts of other filters",
    "manual_trade_requests": "orders are never taken from a file",
    "ai_budget": "spend is counted per day",
    "banned_symbols": "name them in the excluded symbols",
    "symbol_leverage": "leverage is set from the settings and read back",
}


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed trade; `raw` by our sources, `net_r` after estimated fees, `mark` tells it from any other."""

    mark: str
    symbol: str
    sign: int
    closed_ms: int
    net_r: float
    raw: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the file that is not taken over: how many entries, and why."""

    name: str
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Original:
    """Trades in the order in which they were closed; `left_out` counts the others by reason."""

    trades: tuple[Trade, ...]
    left_out: Mapping[str, int]
    parts: tuple[Part, ...]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    symbol: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{2,30}$")]
    side: Literal["BUY", "SELL"]
    qty: Annotated[float, Field(gt=0)]
    entry: Annotated[float, Field(gt=0)]
    pnl: float
    pnl_r: float
    opened_at: Annotated[float, Field(ge=0, lt=1e11)]
    closed_at: Annotated[float, Field(ge=0, lt=1e11)]
    context: dict[str, Any] = Field(default_factory=dict)
    synthetic: bool = False


def read(document: Mapping[str, Any]) -> Original:
    """All that can be said about such a file."""
    history = document.get(HISTORY)
    records = history if isinstance(history, list) else []
    trades: dict[str, Trade] = {}
    left_out: Counter[str] = Counter()
    for record in records:
        found = _trade(record)
        if isinstance(found, str):
            left_out[found] += 1
        elif found.mark in trades:
            left_out["twice in the file"] += 1
        else:
            trades[found.mark] = found
    others = sorted(name for name in document if name != HISTORY)
    parts = tuple(Part(name, _size(document[name]), _FATES.get(name, "unknown here")) for name in others)
    return Original(tuple(sorted(trades.values(), key=lambda trade: (trade.closed_ms, trade.mark))), dict(left_out), parts)


def _trade(record: object) -> Trade | str:
    """A trade, or why it cannot be learned from."""
    try:
        found = _Record.model_validate(record)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        return f"no usable {problem['loc'][0]}" if problem["loc"] else "not a record"
    if found.synthetic:
        return "made up from income, without an entry"
    stop = abs(found.pnl / (found.pnl_r * found.qty)) if found.pnl_r else 0.0
    if not _STOPS[0] <= stop / found.entry <= _STOPS[1]:
        return "its risk is unknown"
    raw = {ours: float(found.context[theirs]) for theirs, ours in SAME.items() if _is_number(found.context.get(theirs))}
    if len(raw) < FEWEST_FEATURES:
        return "the features at its entry are unknown"
    cost_r = found.entry * (2 * FEE_RATIO + max(0.0, raw.get("spread_ratio", 0.0))) / stop
    text = f"{found.symbol}:{found.side}:{found.opened_at}:{found.closed_at}:{found.entry}"
    return Trade(
        mark=hashlib.sha256(text.encode()).hexdigest()[:12],
        symbol=found.symbol.upper(),
        sign=1 if found.side == "BUY" else -1,
        closed_ms=int(found.closed_at * 1000),
        net_r=found.pnl_r - cost_r,
        raw={**raw, "cost_r": cost_r},
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _size(part: object) -> int:
    return len(part) if isinstance(part, list | dict) else 1
