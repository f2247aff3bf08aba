"""Leverage brackets: how much leverage a notional may have, and its maintenance margin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.paper_exchange.logic.money import ZERO


@dataclass(frozen=True, slots=True)
class Bracket:
    """One step of the ladder: notionals in [floor, cap) have at most `leverage` and maintenance `ratio`."""

    floor: Decimal
    cap: Decimal
    leverage: int
    ratio: Decimal
    cum: Decimal


Ladder = tuple[Bracket, ...]

_DEFAULT = ((50_000, 50, "0.01"), (250_000, 25, "0.02"), (1_000_000, 20, "0.025"), (5_000_000, 10, "0.05"))
_DEFAULT_TAIL = ((10_000_000, 5, "0.1"), (20_000_000, 4, "0.125"), (40_000_000, 2, "0.25"), (100_000_000, 1, "0.5"))


def build(steps: Iterable[tuple[int, int, str]]) -> Ladder:
    """A ladder from (cap, leverage, ratio); `cum` makes the maintenance margin continuous at each floor.

    cum_1 = 0; cum_n = floor_n * (ratio_n - ratio_{n-1}) + cum_{n-1}.
    """
    ladder: list[Bracket] = []
    for cap, leverage, text in steps:
        ratio = Decimal(text)
        floor = ladder[-1].cap if ladder else ZERO
        cum = floor * (ratio - ladder[-1].ratio) + ladder[-1].cum if ladder else ZERO
        ladder.append(Bracket(floor, Decimal(cap), leverage, ratio, cum))
    return tuple(ladder)


DEFAULT: Ladder = build((*_DEFAULT, *_DEFAULT_TAIL))
"""Used for a contract without brackets of its own: 50x to 50,000 USDT, in the venue's usual steps down to 1x."""


def read_ladder(row: Mapping[str, Any]) -> Ladder:
    """The ladder of one row of `leverageBracket`."""
    return tuple(
        Bracket(
            Decimal(str(item["notionalFloor"])),
            Decimal(str(item["notionalCap"])),
            int(item["initialLeverage"]),
            Decimal(str(item["maintMarginRatio"])),
            Decimal(str(item["cum"])),
        )
        for item in row["brackets"]
    )


def at(ladder: Ladder, notional: Decimal) -> Bracket:
    """The bracket of a notional; the last one for anything beyond."""
    for bracket in ladder:
        if notional < bracket.cap:
            return bracket
    return ladder[-1]


def max_notional(ladder: Ladder, leverage: int) -> Decimal:
    """The largest position at a leverage: the cap of the last bracket that still allows it."""
    return max((bracket.cap for bracket in ladder if bracket.leverage >= leverage), default=ladder[0].cap)


def show(symbol: str, ladder: Ladder) -> dict[str, Any]:
    """The ladder as `leverageBracket` shows it: numbers, not strings."""
    return {
        "symbol": symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": number,
                "initialLeverage": item.leverage,
                "notionalCap": int(item.cap),
                "notionalFloor": int(item.floor),
                "maintMarginRatio": float(item.ratio),
                "cum": float(item.cum),
            }
            for number, item in enumerate(ladder, 1)
        ],
    }
