"""Why a score is high, in words."""

from collections.abc import Mapping

from services.sentinel.logic.score import Scores

_LEAST = 0.15
"""A part below this is not worth a word."""

_TEXTS: Mapping[str, str] = {
    "range": "24 h range {range_ratio:.1%}, {range_z:+.1f} sigma from the market",
    "change": "24 h change {change_ratio:+.1%}, {change_z:+.1f} sigma from the market",
    "move": "moved {move_5m_ratio:+.1%} in five minutes, {move_sigma:+.1f} of its own sigma",
    "volume": "24 h volume {volume_ratio:.1f} times the usual",
    "funding": "funding {funding_ratio:+.3%} per interval, {funding_z:+.0f} sigma from the market",
    "listing": "listed {listing_age_days:.0f} days ago",
    "premium": "mark price {premium_ratio:+.2%} from index, {premium_z:+.1f} sigma from the market",
}
_MARKET_TEXTS: Mapping[str, str] = {
    "range": "median 24 h range {median_range_ratio:.1%}",
    "move": "median move {median_move_5m_ratio:+.1%} in five minutes",
    "breadth": "{troubled_ratio:.0%} of all symbols show a warning",
}


def reasons(scores: Scores, row: int, *, market: bool = False) -> tuple[str, ...]:
    """The parts of a score that matter, strongest first (by name when equal)."""
    texts = _MARKET_TEXTS if market else _TEXTS
    strong = [(float(part[row]), name) for name, part in scores.parts.items() if part[row] >= _LEAST]
    numbers = {name: float(values[row]) for name, values in scores.inputs.items()}
    return tuple(texts[name].format(**numbers) for _, name in sorted(strong, key=lambda item: (-item[0], item[1])))
