"""What happens to positions by themselves: funding, margin calls, liquidation."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from services.paper_exchange.logic import events
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Order, Position, Spec, Tif
from services.paper_exchange.logic.filling import end, stop_order, trim_reducing
from services.paper_exchange.logic.ledger import Execution, book_fill, book_income
from services.paper_exchange.logic.margin import Margins, liquidation_price, of_account, of_position
from services.paper_exchange.logic.money import ZERO, cut, snap_down
from services.paper_exchange.logic.placing import make_order, register
from services.paper_exchange.logic.quote import Quote
from shared.domain.order import OrderStatus, OrderType, Side

_CALL_AT = Decimal("0.8")
_CALL_OVER = Decimal("0.7")


def pay_funding(desk: Desk, symbol: str, rate: Decimal) -> None:
    """Every holder pays -sign(position) * |position| * mark * rate; a long pays when the rate is positive."""
    mark = desk.mark(symbol)
    for account in desk.accounts.values():
        for position in [item for item in account.held() if item.symbol == symbol]:
            payment = cut(-position.amount * mark * rate)
            book_income(desk, account, symbol, ("FUNDING_FEE", payment), ("FUNDING_FEE", ""))
            isolated = account.setting(symbol).isolated
            if isolated:
                position.isolated_wallet += payment
            desk.touch_account(account)
            desk.emit(account.key, events.account_update(desk, account, "FUNDING_FEE", [position] if isolated else []))


@dataclass(frozen=True, slots=True)
class Fall:
    """Where the contract price of a symbol came from before the present quote, when it passed everything in between."""

    starts: dict[str, Decimal]

    def price(self, quote: Quote, level: Decimal) -> Decimal:
        """The liquidation level when the path crossed it, else the present price."""
        start = self.starts.get(quote.symbol)
        if start is None or not min(start, quote.last) <= level <= max(start, quote.last):
            return quote.last
        return max(snap_down(level, quote.tick), quote.tick)


def check_margins(desk: Desk, fall: Fall) -> None:
    """Liquidate what no longer covers its maintenance margin, call what comes near it."""
    for account in desk.accounts.values():
        held = account.held()
        if not held:
            desk.called.discard(account.key)
            continue
        margins = of_account(desk, account)
        for position in [item for item in held if account.setting(item.symbol).isolated]:
            part = of_position(desk, account, position)
            if position.isolated_wallet + part.unrealised < part.maintenance:
                _liquidate(desk, account, [position], margins, fall)
        balance = margins.cross_wallet + margins.cross_unrealised
        if margins.cross_maintenance and balance < margins.cross_maintenance:
            cross = [item for item in held if item.amount and not account.setting(item.symbol).isolated]
            _liquidate(desk, account, cross, margins, fall)
        elif margins.cross_maintenance:
            _call(desk, account, margins, balance)


def _call(desk: Desk, account: Account, margins: Margins, balance: Decimal) -> None:
    ratio = margins.cross_maintenance / balance if balance > 0 else Decimal(1)
    if ratio < _CALL_OVER:
        desk.called.discard(account.key)
    if ratio < _CALL_AT or account.key in desk.called:
        return
    desk.called.add(account.key)
    desk.emit(account.key, events.margin_call(desk, account, margins.cross_wallet))


def _liquidate(desk: Desk, account: Account, positions: list[Position], margins: Margins, fall: Fall) -> None:
    """Cancel the account's open orders on these contracts, close the positions, charge the liquidation fee.

    A loss beyond the margin is taken over by the insurance fund: cross, the wallet does not fall below zero; isolated, no more
    than the isolated wallet is lost. Both sides of that are INSURANCE_CLEAR income.
    """
    levels = {position.symbol: liquidation_price(desk, account, position, margins) for position in positions}
    keys = {position.symbol for position in positions}
    for order in account.open_orders():
        if order.symbol in keys:
            stop_order(desk, account, order, OrderStatus.CANCELED)
    for position in positions:
        quote = desk.market.quote(position.symbol)
        before, wallet = account.wallet, position.isolated_wallet
        order = _close(desk, account, position, quote, fall.price(quote, levels[position.symbol]))
        fee = cut(order.quote_sum * desk.market.rule(position.symbol).liquidation_fee)
        book_income(desk, account, position.symbol, ("INSURANCE_CLEAR", -fee), ("INSURANCE_CLEAR", ""))
        isolated = account.setting(position.symbol).isolated
        floor = before - wallet if isolated else ZERO
        if account.wallet < floor:
            book_income(desk, account, position.symbol, ("INSURANCE_CLEAR", floor - account.wallet), ("INSURANCE_CLEAR", ""))
        desk.touch_account(account)
        desk.emit(account.key, events.account_update(desk, account, "INSURANCE_CLEAR", [position]))
        trim_reducing(desk, account, order)


def _close(desk: Desk, account: Account, position: Position, quote: Quote, price: Decimal) -> Order:
    side = Side.SELL if position.amount > 0 else Side.BUY
    spec = Spec(
        symbol=position.symbol,
        side=side,
        type=OrderType.LIMIT,
        tif=Tif.IOC,
        position_side=position.side,
        quantity=abs(position.amount),
        price=price,
        client_id=f"autoclose-{desk.time_ms}{desk.next('auto')}",
    )
    order = make_order(desk, account, spec, algo=False)
    register(desk, account, order)
    desk.emit(account.key, events.order_update(desk, account, order, "NEW"))
    execution = Execution(price=price, quantity=order.quantity, maker=False, mid=quote.mid)
    trade = book_fill(desk, account, order, execution)
    end(desk, account, order, OrderStatus.FILLED)
    desk.emit(account.key, events.account_update(desk, account, "ORDER", [position]))
    desk.emit(account.key, events.order_update(desk, account, order, "CALCULATED", trade))
    desk.forced.append(events.force_order(desk, order))
    return order


FundingDue = Callable[[str, tuple[int, int]], tuple[float, int] | None]


def fund_held(desk: Desk, due: FundingDue, span_ms: tuple[int, int]) -> None:
    """Settle the fundings that fall into a span of time, for contracts that somebody holds."""
    held = sorted({position.symbol for account in desk.accounts.values() for position in account.held()})
    for symbol in held:
        found = due(symbol, span_ms)
        if found is not None:
            pay_funding(desk, symbol, Decimal(repr(found[0])))
