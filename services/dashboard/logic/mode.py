"""The mode badge: paper or live, and whose prices."""

from typing import Any

from services.dashboard.logic.answers import Market, Mode, Unknown

_TEXTS = {Market.LIVE: "PAPER · live prices", Market.REPLAY: "PAPER · replay", Market.SYNTHETIC: "PAPER · synthetic"}


def paper_mode(status: Any, unknown: Unknown | None) -> Mode:
    """From the answer of the paper venue's status; what it does not tell stays unknown."""
    fields = status if isinstance(status, dict) else {}
    market = _market(fields.get("market"))
    if market is None and unknown is None:
        unknown = Unknown.NOT_REPORTED
    return Mode(
        paper=True, market=market, speed=_speed(fields.get("speed")), text=_TEXTS.get(market or Market.VENUE, "PAPER"), unknown=unknown
    )


def live_mode(unknown: Unknown | None) -> Mode:
    """The real venue."""
    return Mode(paper=False, market=Market.VENUE, speed=None, text="LIVE", unknown=unknown)


def _market(value: object) -> Market | None:
    text = value.get("kind") if isinstance(value, dict) else value
    return Market(text) if isinstance(text, str) and text in {"live", "replay", "synthetic"} else None


def _speed(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
