"""The price of a post-only entry: the plan's, or the best of its side of the book when the market has come closer."""

from dataclasses import replace

from services.executor.logic.intent import Intent
from shared.config.choices import EntryType
from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import Direction
from shared.domain.units import Price
from shared.exchange.market import Depth
from shared.risk.gate import Refused, RefusedReason
from shared.runtime.context import Context

_LEVELS = 5


class Pricing:
    """Reads the book for limit entries; market entries need none."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def price(self, intent: Intent, instrument: Instrument) -> Intent | Refused:
        """The intent with its limit price and deadline, as the settings want it."""
        exits = self._ctx.settings.exits
        if exits.entry_type is not EntryType.LIMIT:
            return intent
        price = passive(intent, await self._ctx.venue.public.depth(intent.symbol, limit=_LEVELS), instrument)
        if price is None:
            return Refused(RefusedReason.NO_PRICE, "the book is empty on the entry's side")
        wait_ms = self._ctx.clock.horizon_ms(int(exits.entry_limit_s * 1000))
        return replace(intent, limit_price=price, deadline_ms=self._ctx.clock.now_ms() + wait_ms)


def passive(intent: Intent, depth: Depth, instrument: Instrument) -> Price | None:
    """The plan's price, but never through the spread: at most the best bid for a buy, at least the best ask for a sell."""
    long = intent.direction is Direction.LONG
    side = depth.bids if long else depth.asks
    if not side:
        return None
    best = instrument.price(side[0][0], Rounding.DOWN if long else Rounding.UP)
    return min(intent.price, best) if long else max(intent.price, best)
