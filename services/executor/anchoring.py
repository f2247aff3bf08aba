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

    async def follow(self, record: Record, instrument: Instrument, entry: Price, quantity: Qty) -> None:
        """Make stop, target and the initial risk those of an average `entry` over `quantity`. Safe to repeat."""
        planned = record.planned
        if planned.stop_distance is None or planned.target_distance is None or record.stop_price is None:
            raise ValueError(f"position {record.position_id} has no bracket that could follow")
        prices = bracket_prices(instrument, record.direction, entry, planned.stop_distance, planned.target_distance)
        same = (record.stop_price, record.target_price) == (prices.stop, prices.target)
        if same or record.anchors >= MOST:
            await self._book.put(replace(record, initial_risk=initial_risk(entry, record.stop_price, quantity)))
            return
        risk = initial_risk(entry, prices.stop, quantity)
        record = replace(record, stop_price=prices.stop, target_price=prices.target, initial_risk=risk, anchors=record.anchors + 1)
        self._ctx.log.info("bracket_follows", symbol=record.symbol, entry=str(entry), stop=str(prices.stop), target=str(prices.target))
        bracket = self._book.bracket(record.symbol)
        bracket.pending = True
        try:
            await asyncio.gather(self._book.put(record), self._swap(record, prices, quantity))
        except StopImpossible as reason:
            await self._exits.now(record, quantity, ExitReason.EMERGENCY, str(reason))
        finally:
            bracket.pending = False
            bracket.checked_ms = self._ctx.clock.now_ms()

    async def _swap(self, record: Record, prices: BracketPrices, quantity: Qty) -> None:
        """Both legs; a failure is left to the guard, who knows the wanted prices from the record."""
        try:
            orders = [o for o in await self._private.open_orders(record.symbol) if _of(o, record)]
            await self._stop(record, prices.stop, quantity, [o for o in orders if o.type.is_stop])
            for order in orders:
                if order.type.is_target:
                    await self._private.cancel(record.symbol, order=order)
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
        await self._cancel(record.symbol, resting)
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


def _moved(order: VenueOrder) -> bool:
    parts = parse_client_id(order.client_id)
    return parts is not None and parts.revision >= MOVED_STOP


def _tight(order: VenueOrder, price: Price, record: Record) -> bool:
    """Whether a stop limits the loss at least as closely as one at `price`."""
    return order.trigger_price is not None and (order.trigger_price - price) * record.direction.sign >= 0
