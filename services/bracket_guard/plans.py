"""Which bracket each position should have: the executor's records, what was remembered, what the orders tell, or a default."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from services.bracket_guard.hearing import Hearing
from services.bracket_guard.logic.desired import Desired, default_bracket, from_intent, from_record, with_memory, with_orders
from services.bracket_guard.logic.orders import ours
from services.bracket_guard.notebook import Notebook
from shared.config.choices import UnownedPolicy
from shared.domain.candle import interval_ms
from shared.domain.errors import MrasterError, StateCorrupt, StoreUnavailable
from shared.domain.instrument import Instrument
from shared.domain.order import VenueOrder, intent_hash, parse_client_id
from shared.domain.position import VenuePosition
from shared.runtime.context import Context

ATR_ROWS = 100
RETRY_S = 2.0
_UNDER_WAY = {"sent", "resting", "filled"}
Documents = Mapping[str, Mapping[str, Any]]


class Plans:
    """Knows the desired bracket of a position; while Redis is away the last known one stays in force."""

    def __init__(self, ctx: Context, notebook: Notebook, hearing: Hearing) -> None:
        self._ctx = ctx
        self._notebook = notebook
        self._hearing = hearing
        self._records: Documents | None = None
        self._intents: Documents = {}
        self._again_s = 0.0
        self._atrs: dict[tuple[str, str], tuple[int, Decimal | None]] = {}
        self._confirmed: set[str] = set()
        self.instruments: dict[str, Instrument] = {}

    async def refresh(self) -> None:
        """Read the executor's records and intents."""
        state, keys, now_s = self._ctx.state, self._ctx.keys, self._ctx.clock.monotonic_s()
        if now_s < self._again_s:
            return
        try:
            self._records = await state.get_all(keys.positions)
            self._intents = await state.get_all(keys.intents)
        except (StoreUnavailable, StateCorrupt) as error:
            self._again_s = now_s + RETRY_S
            self._notebook.store_away()
            self._ctx.log.warning("plans_not_read", code=error.code, detail=str(error), known=len(self._notebook.desired))

    async def desired(self, position: VenuePosition, orders: Sequence[VenueOrder]) -> Desired | None:
        """The bracket for an open position; None when it is not ours to protect."""
        symbol = position.symbol
        remembered = self._remembered(position)
        found = self._planned(position)
        if found is not None and found.owned and found.stop_price is not None:
            chosen = with_orders(with_memory(found, remembered), orders)
        elif remembered is not None and (found is None or found.position_id == remembered.position_id):
            chosen = with_orders(remembered, orders)
        else:
            name = self._name(position, orders, found)
            instrument = self.instruments.get(symbol)
            if name is None or instrument is None:
                return None
            chosen = default_bracket(position, instrument, orders, name, await self._default_distance(position))
        self.remember(symbol, chosen)
        return chosen

    def remember(self, symbol: str, desired: Desired) -> None:
        """The bracket that is in force now."""
        self._notebook.desired[symbol] = desired
        self._confirmed.add(symbol)

    def forget(self, symbol: str) -> None:
        """The position is closed."""
        self._notebook.desired.pop(symbol, None)
        self._confirmed.discard(symbol)

    async def atr(self, symbol: str, interval: str, now_ms: int) -> Decimal | None:
        """ATR of the candles that were closed at a venue time, read once per candle; None when the venue does not tell."""
        number = now_ms // interval_ms(interval)
        known = self._atrs.get((symbol, interval))
        if known is not None and known[0] == number:
            return known[1]
        end_ms = number * interval_ms(interval) - 1
        try:
            candles = await self._ctx.venue.public.klines(symbol, interval, limit=ATR_ROWS, end_ms=end_ms)
        except MrasterError as error:
            self._ctx.log.warning("candles_not_read", symbol=symbol, code=error.code, detail=str(error))
            return None
        from services.bracket_guard.logic.candle_range import latest_atr  # noqa: PLC0415 - loads numpy: a restarted guard protects first

        value = latest_atr([c for c in candles if c.close_ms <= end_ms])
        self._atrs[symbol, interval] = (number, value)
        return value

    def _planned(self, position: VenuePosition) -> Desired | None:
        """From the executor's record, else from an entry that was written down before it was sent."""
        instrument = self.instruments.get(position.symbol)
        try:
            document = (self._records or {}).get(position.symbol)
            found = None if document is None else from_record(document, position, instrument)
            if found is not None:
                return found
            heard = self._hearing.entries.get(position.symbol)
            for intent in self._intents.values():
                fits = intent["intent_id"] == heard or intent["step"] in _UNDER_WAY
                if fits and intent["symbol"] == position.symbol:
                    return from_intent(intent, position, instrument)
        except (KeyError, ArithmeticError, ValueError, TypeError) as error:
            self._ctx.log.warning("plan_not_understood", symbol=position.symbol, detail=f"{type(error).__name__}: {error}"[:200])
        return None

    def _remembered(self, position: VenuePosition) -> Desired | None:
        """What we know of this very position: of an earlier life only when entry and side are the same."""
        known = self._notebook.desired.get(position.symbol)
        if known is None or known.direction is not position.direction:
            return None
        heard = self._hearing.entries.get(position.symbol)
        if heard is not None and heard != known.tag:
            return None
        same = position.symbol in self._confirmed or known.entry_price == position.entry_price
        return known if same else None

    def _name(self, position: VenuePosition, orders: Sequence[VenueOrder], found: Desired | None) -> str | None:
        """By which id a position without a plan is protected; None when it is not."""
        heard = self._hearing.entries.get(position.symbol)
        if found is not None and found.owned:
            return found.position_id
        if heard is not None:
            return heard
        prefixes = self._ctx.settings.exits.legacy_order_prefixes
        parts = [parse_client_id(o.client_id) for o in orders if o.status.open and ours(o, prefixes)]
        known = next((p.intent_hash for p in parts if p is not None), None)
        if known is not None:
            return known
        policy = self._ctx.settings.exits.unowned_positions
        # nobody can say whose it is while the store has never answered: then it is protected
        unknown = self._records is None and policy is not UnownedPolicy.IGNORE
        if policy is UnownedPolicy.ADOPT or unknown or parts:
            return found.position_id if found is not None else intent_hash(f"adopted:{position.symbol}:{position.direction}")
        return None

    async def _default_distance(self, position: VenuePosition) -> Decimal | None:
        settings = self._ctx.settings
        atr = await self.atr(position.symbol, settings.strategy.interval, self._ctx.clock.now_ms())
        return None if atr is None else atr * settings.exits.sl_atr_mult
