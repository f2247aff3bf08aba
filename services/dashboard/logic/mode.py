"""The mode badge: paper or live, and whose prices."""

from typing import Any

from services.dashboard.logic.answers import Market, MarketState, Mode, Unknown

_TEXTS = {Market.LIVE: "PAPER · live prices", Market.REPLAY: "PAPER · replay", Market.SYNTHETIC: "PAPER · synthetic"}
_NOTE = 300


def paper_mode(status: Any, unknown: Unknown | None) -> Mode:
    """From the answer of the paper venue's status; what it does not tell stays unknown."""
    fields = status if isinstance(status, dict) else {}
    market = next((one for one in _TEXTS if one.value == fields.get("market")), None)
    if market is None and unknown is None:
        unknown = Unknown.NOT_REPORTED
    speed, symbols = fields.get("speed"), fields.get("symbols")
    return Mode(
        paper=True,
        market=market,
        text=_TEXTS[market] if market is not None else "PAPER",
        state=next((one for one in MarketState if one.value == fields.get("state")), None),
        speed=float(speed) if isinstance(speed, int | float) else None,
        symbols=symbols if isinstance(symbols, int) else None,
        note=str(fields.get("note") or "")[:_NOTE],
        unknown=unknown,
    )


def live_mode(unknown: Unknown | None) -> Mode:
    """The real venue."""
    return Mode(paper=False, market=Market.VENUE, text="LIVE", unknown=unknown)
