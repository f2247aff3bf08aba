"""Margins and the liquidation price, by the venue's formulas; every amount is cut after eight decimals."""

from dataclasses import dataclass
from decimal import Decimal

from services.paper_exchange.logic import brackets
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Order, Position
from services.paper_exchange.logic.money import ZERO, cut
from shared.domain.order import PositionSide, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMargin:
    """Margins of one position at one mark price."""

    mark: Decimal
    notional: Decimal
    unrealised: Decimal
    initial: Decimal
    maintenance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """The account's money. available = cross wallet + cross uPnL - initial margins of cross positions and orders."""

    wallet: Decimal
    cross_wallet: Decimal
    unrealised: Decimal
    cross_unrealised: Decimal
    positions_initial: Decimal
    orders_initial: Decimal
    maintenance: Decimal
    cross_maintenance: Decimal
    available: Decimal

    @property
    def balance(self) -> Decimal:
        """Margin balance: wallet plus unrealised PnL."""
        return self.wallet + self.unrealised

    @property
    def initial(self) -> Decimal:
        """Initial margin of positions and orders."""
        return self.positions_initial + self.orders_initial


def of_position(desk: Desk, account: Account, position: Position) -> PositionMargin:
    """Notional = |amount| * mark; initial = notional / leverage; maintenance = notional * ratio - cum."""
    mark = desk.mark(position.symbol)
    notional = cut(abs(position.amount) * mark)
    step = brackets.at(desk.market.ladder(position.symbol), notional)
    return PositionMargin(
        mark=mark,
        notional=notional,
        unrealised=cut(position.unrealised(mark)),
        initial=cut(notional / account.setting(position.symbol).leverage),
        maintenance=cut(notional * step.ratio - step.cum),
    )


def _order_notional(desk: Desk, order: Order) -> Decimal:
    return order.left * (order.price or desk.mark(order.symbol))


def open_notionals(desk: Desk, account: Account, symbol: str, side: PositionSide | None = None) -> tuple[Decimal, Decimal]:
    """(bids, asks): notional of open limit orders that can open, per side of the market."""
    bids = asks = ZERO
    for number in account.open_ids.values():
        order = account.orders[number]
        if order.symbol != symbol or order.reduce_only or order.waiting or side not in {None, order.position_side}:
            continue
        if order.side is Side.BUY:
            bids += _order_notional(desk, order)
        else:
            asks += _order_notional(desk, order)
    return cut(bids), cut(asks)


def orders_initial(desk: Desk, account: Account, symbol: str, extra: tuple[Decimal, Decimal] = (ZERO, ZERO)) -> Decimal:
    """Initial margin of a symbol's open orders beyond its position's own.

    One-way: max(|P + bids|, |P - asks|, |P|) - |P|, divided by the leverage; P is the signed position notional.
    Hedge: what can open each leg counts in full. `extra` is added to (bids, asks): an order about to be placed.
    """
    leverage = account.setting(symbol).leverage
    if account.hedge:
        longs, _ = open_notionals(desk, account, symbol, PositionSide.LONG)
        _, shorts = open_notionals(desk, account, symbol, PositionSide.SHORT)
        return cut((longs + shorts + extra[0] + extra[1]) / leverage)
    bids, asks = open_notionals(desk, account, symbol)
    position = account.positions.get((symbol, PositionSide.BOTH))
    held = position.amount * desk.mark(symbol) if position is not None else ZERO
    worst = max(abs(held + bids + extra[0]), abs(held - asks - extra[1]), abs(held))
    return cut((worst - abs(held)) / leverage)


def of_account(desk: Desk, account: Account) -> Margins:
    """All margins of an account at the present marks."""
    unrealised = cross_unrealised = initial = cross_initial = maintenance = cross_maintenance = isolated = ZERO
    for position in account.held():
        part = of_position(desk, account, position)
        unrealised += part.unrealised
        initial += part.initial
        maintenance += part.maintenance
        if account.setting(position.symbol).isolated:
            isolated += position.isolated_wallet
        else:
            cross_unrealised += part.unrealised
            cross_initial += part.initial
            cross_maintenance += part.maintenance
    symbols = {account.orders[number].symbol for number in account.open_ids.values()}
    orders = sum((orders_initial(desk, account, symbol) for symbol in sorted(symbols)), ZERO)
    cross_wallet = account.wallet - isolated
    return Margins(
        wallet=account.wallet,
        cross_wallet=cross_wallet,
        unrealised=unrealised,
        cross_unrealised=cross_unrealised,
        positions_initial=initial,
        orders_initial=orders,
        maintenance=maintenance,
        cross_maintenance=cross_maintenance,
        available=max(ZERO, cross_wallet + cross_unrealised - cross_initial - orders),
    )


def liquidation_price(desk: Desk, account: Account, position: Position, margins: Margins) -> Decimal:
    """The mark at which the margin balance meets the maintenance margin; zero when there is none.

    Cross, one-way: (WB - TMM_other + UPNL_other + cum - side*|pos|*EP) / (|pos|*mmr - side*|pos|); isolated: WB is the
    isolated wallet and the other terms are zero. In hedge mode both legs of a symbol share one price.
    """
    isolated = account.setting(position.symbol).isolated
    legs = [position] if isolated or not account.hedge else [item for item in account.held() if item.symbol == position.symbol]
    own = [of_position(desk, account, leg) for leg in legs]
    ladder = desk.market.ladder(position.symbol)
    steps = [brackets.at(ladder, part.notional) for part in own]
    wallet = position.isolated_wallet if isolated else margins.cross_wallet
    if not isolated:
        wallet += margins.cross_unrealised - sum((item.unrealised for item in own), ZERO)
        wallet -= margins.cross_maintenance - sum((item.maintenance for item in own), ZERO)
    above = wallet + sum((step.cum for step in steps), ZERO) - sum((leg.amount * leg.entry for leg in legs), ZERO)
    below = sum((abs(leg.amount) * step.ratio - leg.amount for leg, step in zip(legs, steps, strict=True)), ZERO)
    if not below:
        return ZERO
    return max(ZERO, cut(above / below))
