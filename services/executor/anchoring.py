"""The bracket follows the average fill: later partial fills at other prices move stop and target with it.

A venue takes one closing stop of a side, so a reduce-only stop of the filled quantity bridges the swap: it is placed before the
old stop is cancelled and goes when the new one rests. Whatever fails on the way leaves a stop; the guard finishes what is left.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from services.executor.book import Book
from services.executor.exits import Exits
from services.executor.logic.announce import MOVED_STOP
from services.executor.logic.record import Record
from services.executor.protection import TRIGGERS_NOW, Protection, StopImpossible
from shared.contracts.order import ExitReason, Leg
from shared.domain.errors import MrasterError, OrderRejected
from shared.domain.instrument import Instrument
from shared.domain.order import VenueOrder, client_id, parse_client_id
from shared.domain.units import Price, Qty
from shared.exchange.private import PrivateClient
from shared.risk.bracket import BracketPrices, bracket_prices, bridge_request, initial_risk, stop_request, target_request
from shared.runtime.context import Context

_LEGS = 2
MOST = 40
"""Swaps of one position: their revisions stay below those of the guard's repairs. Later fills keep the bracket as it is."""


class Anchoring:
    """Moves brackets to a new average. The caller holds the symbol's lock."""

    def __init__(self, ctx: Context, private: PrivateClient, book: Book, exits: Exits, protection: Protection) -> None:
        self._ctx = ctx
        self._private = private
        self._book = book
        self._exits = exits
        self._protection = protection
        self._looked_at: dict[str, str] = {}

    async def follow(self, record: Record, instrument: Instrument, entry: Price, quantity: Qty) -> None:
        """Make stop, target and the initial risk those of an average `entry` over `quantity`. Safe to repeat.

        The first time in a process the venue is looked at even if the prices stay: an earlier life may have ended half way.
        """
        planned = record.planned
        if planned.stop_distance is None or planned.target_distance is None or record.stop_price is None:
            raise ValueError(f"position {record.position_id} has no bracket that could follow")
        prices = bracket_prices(instrument, record.direction, entry, planned.stop_distance, planned.target_distance)
        same = (record.stop_price, record.target_price) == (prices.stop, prices.target)
        known = same and self._looked_at.get(record.symbol) == record.position_id
        orders = [] if known or record.anchors >= MOST else await self._orders(record)
        now = self._book.of(record.position_id, record.symbol)
        if now is None:
            return
        record = replace(now, entry_order_id=record.entry_order_id or now.entry_order_id)
        number = _number(record, orders or ())
        if known or number > MOST or (same and (orders is None or _stands(orders, prices, record))):
            await self._book.put(replace(record, initial_risk=initial_risk(entry, record.stop_price or prices.stop, quantity)))
        else:
            risk = initial_risk(entry, prices.stop, quantity)
            record = replace(record, stop_price=prices.stop, target_price=prices.target, initial_risk=risk, anchors=number)
            await self._move(record, prices, quantity, orders)
        if orders is not None:
            self._looked_at[record.symbol] = record.position_id

    async def _orders(self, record: Record) -> list[VenueOrder] | None:
        """Open legs of the position's bracket; None when the venue cannot be asked."""
        try:
            return [o for o in await self._private.open_orders(record.symbol) if _of(o, record)]
        except MrasterError as error:
            self._ctx.log.warning("bracket_not_seen", symbol=record.symbol, code=error.code, detail=str(error))
            return None

    async def _move(self, record: Record, prices: BracketPrices, quantity: Qty, orders: list[VenueOrder] | None) -> None:
        """The new prices are written beside the orders; without a look at the old ones they are left to the guard."""
        self._ctx.log.info("bracket_follows", symbol=record.symbol, stop=str(prices.stop), target=str(prices.target))
        if orders is None:
            await self._book.put(record)
            return
        bracket = self._book.bracket(record.symbol)
        bracket.pending = True
        try:
            await asyncio.gather(self._book.put(record), self._swap(record, prices, quantity, orders))
        except StopImpossible as reason:
            await self._exits.now(record, quantity, ExitReason.EMERGENCY, str(reason))
        finally:
            bracket.pending = False
            bracket.checked_ms = self._ctx.clock.now_ms()

    async def _swap(self, record: Record, prices: BracketPrices, quantity: Qty, orders: list[VenueOrder]) -> None:
        """Both legs; a failure is left to the guard, who knows the wanted prices from the record."""
        targets = [o for o in orders if o.type.is_target]
        try:
            await self._stop(record, prices.stop, quantity, [o for o in orders if o.type.is_stop])
            await self._cancel(record.symbol, targets)
        except MrasterError as error:
            self._ctx.log.warning("bracket_left_behind", symbol=record.symbol, code=error.code, detail=str(error))
            return
        target = target_request(record.symbol, record.direction, prices.target, record.position_id, 2 * record.anchors)
        await self._protection.target(record, target, quantity)

    async def _stop(self, record: Record, price: Price, quantity: Qty, resting: list[VenueOrder]) -> None:
        """A stop at the new price, then the old ones go. One that was moved closer by the guard stays: it is never loosened."""
        if any(_moved(o) and _tight(o, price, record) for o in resting):
            return
        name = client_id(record.position_id, "s", 2 * record.anchors - 1)
        bridge = bridge_request(record.symbol, record.direction, price, quantity, name)
        try:
            bridging = await self._protection.place(record, Leg.STOP, bridge, quantity)
        except OrderRejected as error:
            if error.code == TRIGGERS_NOW:
                raise StopImpossible("the price is already beyond the stop of the new average") from error
            raise
        await self._cancel(record.symbol, [o for o in resting if o.client_id != name])
        closing = stop_request(record.symbol, record.direction, price, record.position_id, 2 * record.anchors)
        try:
            await self._protection.stop(record, closing, quantity)
        except StopImpossible as reason:
            # the bridge covers what is filled; it is the bracket's stop until the guard has put another in its place
            self._ctx.log.warning("bridge_stays", symbol=record.symbol, detail=str(reason))
            return
        await self._cancel(record.symbol, [bridging])

    async def _cancel(self, symbol: str, orders: Iterable[VenueOrder]) -> None:
        for order in orders:
            await self._private.cancel(symbol, order=order)


def _of(order: VenueOrder, record: Record) -> bool:
    """Whether an open order is a leg of this very position's bracket."""
    parts = parse_client_id(order.client_id)
    return parts is not None and client_id(record.position_id, "e") == client_id(parts.intent_hash, "e") and order.type.conditional


def _number(record: Record, orders: Iterable[VenueOrder]) -> int:
    """The next swap's number, above those whose orders still rest: a process may have died before its record was written.

    A name that rests already would not place another order but bring back the old one, at its own price and quantity.
    """
    found = (parse_client_id(order.client_id) for order in orders)
    used = [(parts.revision + 1) // 2 for parts in found if parts is not None and parts.revision <= 2 * MOST]
    return max(record.anchors, *used, 0) + 1


def _stands(orders: list[VenueOrder], prices: BracketPrices, record: Record) -> bool:
    """Whether exactly the two legs rest, each for the whole position: the target at its price, the stop there or moved closer."""
    if len(orders) != _LEGS or not all(o.close_position for o in orders):
        return False
    stop = next((o for o in orders if o.type.is_stop), None)
    target = next((o for o in orders if o.type.is_target), None)
    if stop is None or target is None or target.trigger_price != prices.target:
        return False
    return stop.trigger_price == prices.stop or (_moved(stop) and _tight(stop, prices.stop, record))


def _moved(order: VenueOrder) -> bool:
    parts = parse_client_id(order.client_id)
    return parts is not None and parts.revision >= MOVED_STOP


def _tight(order: VenueOrder, price: Price, record: Record) -> bool:
    """Whether a stop limits the loss at least as closely as one at `price`."""
    return order.trigger_price is not None and (order.trigger_price - price) * record.direction.sign >= 0
