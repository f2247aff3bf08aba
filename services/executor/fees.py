"""What fees in other assets than the quote are worth: by the venue's mark of that asset, or not at all."""

from decimal import Decimal

from services.executor.logic.fees import paid, priced, unpriced_assets
from services.executor.logic.record import Paid, Record
from shared.domain.order import Fill
from shared.domain.units import Price
from shared.exchange.market import MarkPrice
from shared.runtime.context import Context

OFTEN = ("BNB", "ASTER")
"""Assets that venues take fees in: their marks are kept from the start, others from the first fee on."""
FRESH_MS = 60_000
ASK_AGAIN_S = 60.0


class Fees:
    """Keeps the marks of fee assets from the market stream; asks over REST for what the stream did not bring."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._quote = ctx.settings.core.quote
        self._marks: dict[str, tuple[Price, int] | None] = {f"{asset}{self._quote}": None for asset in OFTEN}
        self._asked_s: dict[str, float] = {}

    def hear(self, event: MarkPrice) -> None:
        """A mark price of any symbol."""
        if event.symbol in self._marks:
            self._marks[event.symbol] = (Price(Decimal(repr(event.mark))), event.time_ms)

    def paid(self, fill: Fill) -> Paid | None:
        """How a fill's fee was paid, with its worth if a price near the fill is known; None for quote money."""
        symbol = f"{fill.fee_asset}{self._quote}"
        seen = self._marks.get(symbol)
        price = seen[0] if seen is not None and abs(fill.time_ms - seen[1]) <= FRESH_MS else None
        found = paid(fill, self._quote, price)
        if found is not None:
            self._marks.setdefault(symbol, None)
        return found

    def due(self, record: Record) -> bool:
        """Whether the record has a fee without a worth, and it is time to ask (again) for the price."""
        now_s = self._ctx.clock.monotonic_s()
        assets = unpriced_assets(record)
        return any(now_s - self._asked_s.get(asset, -ASK_AGAIN_S) >= ASK_AGAIN_S for asset in assets)

    async def settled(self, record: Record) -> Record:
        """The record with its fees priced, as far as the venue lists their assets.

        Raises:
            Transient: the venue cannot be asked now.
        """
        assets = unpriced_assets(record)
        if not assets:
            return record
        prices = {asset: seen[0] for asset in assets if (seen := self._marks.get(f"{asset}{self._quote}")) is not None}
        if assets - prices.keys():
            prices = {**await self._asked(assets - prices.keys()), **prices}
        for asset in sorted(assets - prices.keys()):
            self._ctx.log.warning("fee_without_price", symbol=record.symbol, asset=asset)
        return priced(record, prices)

    async def _asked(self, assets: set[str]) -> dict[str, Price]:
        """Marks over REST; for an asset without a contract there is none."""
        now_s = self._ctx.clock.monotonic_s()
        self._asked_s |= dict.fromkeys(assets, now_s)
        marks = {mark.symbol: mark.mark for mark in await self._ctx.venue.public.premium_index()}
        known = {asset: marks[f"{asset}{self._quote}"] for asset in assets if marks.get(f"{asset}{self._quote}", 0.0) > 0}
        return {asset: Price(Decimal(repr(mark))) for asset, mark in known.items()}
