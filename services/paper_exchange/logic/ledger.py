"""One fill booked: position, wallet, income, trade. The only place where money moves because of a trade."""

from dataclasses import dataclass
from decimal import Decimal

from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Income, Order, Position, Trade
from services.paper_exchange.logic.money import ZERO, cut

_ENTRY = Decimal("1e-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What the matching decided: so much at this price; `mid` is the price without spread, for the slippage line."""

    price: Decimal
    quantity: Decimal
    maker: bool
    mid: Decimal


def move(position: Position, signed: Decimal, price: Decimal) -> Decimal:
    """Change a position by a signed quantity at a price; returns the realised PnL before fees.

    Adding: the entry becomes the weighted average. Reducing: the entry stays, realised = (price - entry) * closed * sign.
    Crossing zero: the rest opens at the price.
    """
    before = position.amount
    after = before + signed
    if before * signed >= 0:
        total = abs(before) + abs(signed)
        position.entry = ((abs(before) * position.entry + abs(signed) * price) / total).quantize(_ENTRY) if before else price
        position.amount = after
        return ZERO
    closed = min(abs(before), abs(signed))
    realised = (price - position.entry) * closed * position.sign
    position.amount = after
    if not after:
        position.entry = ZERO
    elif before * after < 0:
        position.entry = price
    return realised


def book_income(desk: Desk, account: Account, symbol: str, entry: tuple[str, Decimal], info: tuple[str, str] = ("", "")) -> None:
    """Move the wallet by `entry` = (kind, amount) and keep the row; `info` = (text, trade id)."""
    kind, amount = entry
    account.wallet += amount
    row = Income(
        tran_id=desk.next("tran"),
        account=account.key,
        symbol=symbol,
        kind=kind,
        amount=amount,
        info=info[0],
        time_ms=desk.time_ms,
        trade_id=info[1],
    )
    account.incomes.append(row)
    desk.changes.incomes.append(row)


def _isolate(account: Account, position: Position, before: Decimal, execution: Execution) -> None:
    """Isolated wallet of a position: grows by the initial margin of what opens, shrinks in proportion to what closes."""
    setting = account.setting(position.symbol)
    if not setting.isolated:
        return
    after = position.amount
    if before * after <= 0:
        position.isolated_wallet = cut(abs(after) * execution.price / setting.leverage)
    elif abs(after) > abs(before):
        position.isolated_wallet += cut((abs(after) - abs(before)) * execution.price / setting.leverage)
    else:
        position.isolated_wallet = cut(position.isolated_wallet * abs(after) / abs(before))


def book_fill(desk: Desk, account: Account, order: Order, execution: Execution) -> Trade:
    """Book one fill of an order: commission = notional * rate, realised PnL, wallet, trade, order quantities."""
    position = account.position(order.symbol, order.position_side)
    before = position.amount
    notional = execution.price * execution.quantity
    realised = cut(move(position, execution.quantity * order.side.sign, execution.price))
    _isolate(account, position, before, execution)
    commission = cut(notional * (desk.fees.maker if execution.maker else desk.fees.taker))
    trade = Trade(
        trade_id=desk.next("trade"),
        order_id=order.order_id,
        account=account.key,
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        price=execution.price,
        quantity=execution.quantity,
        commission=commission,
        realised=realised,
        slippage=cut((execution.price - execution.mid) * execution.quantity * order.side.sign),
        maker=execution.maker,
        time_ms=desk.time_ms,
    )
    position.realised += realised
    position.updated_ms = desk.time_ms
    if before * order.side.sign < 0:
        book_income(desk, account, order.symbol, ("REALIZED_PNL", realised), ("", str(trade.trade_id)))
    book_income(desk, account, order.symbol, ("COMMISSION", -commission), ("", str(trade.trade_id)))
    order.executed += execution.quantity
    order.quote_sum += notional
    account.trades.append(trade)
    desk.changes.trades.append(trade)
    desk.touch(order)
    desk.touch_account(account)
    return trade
