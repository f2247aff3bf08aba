"""Who is offered to the AI: the leading trends of all scanners together. Nothing of this happens while the AI is off."""

from collections.abc import Sequence

from services.scanner.logic.setups import Flags
from services.scanner.logic.trends import Trends, newest_bar
from shared.domain.errors import StoreUnavailable
from shared.indicators.types import Floats
from shared.runtime.context import Context

FIELD = "trend:"
FORGOTTEN_BARS = 3


class Offers:
    """Tells the other scanners which of our symbols lead, and hears which of theirs do (one field each in `universe`)."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._trends = Trends()

    async def leaders(self, symbols: Sequence[str], bar: int, quality: Floats, *, first: bool) -> Flags:
        """Who of `symbols` is offered at a candle; takes their qualities in. `first`: see `Trends.leaders`."""
        ctx = self._ctx
        self._trends.note(bar, symbols, quality)
        try:
            documents = await ctx.state.get_all(ctx.keys.universe)
            self._trends.hear([document for field, document in documents.items() if field.startswith(FIELD)])
        except StoreUnavailable as error:
            ctx.log.warning("trends_not_heard", code=error.code, detail=str(error))
        return self._trends.leaders(bar, symbols, or_now=first)

    async def tell(self) -> None:
        """Our leaders of the last candles."""
        ctx = self._ctx
        if not ctx.settings.core.ai_enabled:
            return
        try:
            await ctx.state.put(ctx.keys.universe, f"{FIELD}{ctx.producer.instance}", self._trends.document())
        except StoreUnavailable as error:
            ctx.log.warning("trends_not_told", code=error.code, detail=str(error))

    async def tidy(self, newest: int) -> None:
        """Remove what scanners that are gone have told."""
        ctx = self._ctx
        documents = await ctx.state.get_all(ctx.keys.universe)
        told = {field: newest_bar(document) for field, document in documents.items() if field.startswith(FIELD)}
        old = [field for field, bar in told.items() if bar < newest - FORGOTTEN_BARS]
        if old:
            await ctx.state.drop(ctx.keys.universe, *old)
