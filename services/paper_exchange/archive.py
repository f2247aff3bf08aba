"""What accounts have done, read from the store: the whole history, whatever is still held in memory.

Everything that was answered has been committed before, so the file is complete whenever a request is handled.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from services.paper_exchange.logic.entities import Account, Income, Order, Trade
from services.paper_exchange.packing import unpack

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which rows are asked for. `first` is the least id, `start` and `end` bound the time (ms, inclusive).

    Without `first` and `start` the newest `limit` rows are meant, else the oldest; both come oldest first.
    """

    limit: int
    symbol: str | None = None
    first: int | None = None
    start: int | None = None
    end: int | None = None

    @property
    def newest(self) -> bool:
        """Whether the page is counted from the end."""
        return self.first is None and self.start is None


_ANY: Callable[[Any], bool] = lambda _item: True  # noqa: E731 - a default value


class Archive:
    """Reads rows of the store's tables."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def orders(self, account: Account, page: Page, *, algo: bool, keep: Callable[[Order], bool] = _ANY) -> list[Order]:
        """A page of orders by creation, only those that `keep` takes."""
        return self._page("orders", Order, page, {"account": account.key, "algo": int(algo)}, keep)

    def trades(self, account: Account, page: Page, order_id: int | None = None) -> list[Trade]:
        """A page of trades, of one order when `order_id` is given."""
        return self._page("trades", Trade, page, {"account": account.key, "order_id": order_id}, _ANY)

    def incomes(self, account: Account, page: Page, kind: str | None = None) -> list[Income]:
        """A page of income, of one kind when `kind` is given."""
        return self._page("incomes", Income, page, {"account": account.key, "kind": kind}, _ANY)

    def _page(self, table: str, kind: type[_T], page: Page, fixed: dict[str, Any], keep: Callable[[_T], bool]) -> list[_T]:
        by_id = page.first is not None or (page.symbol is None and "algo" in fixed)
        # a plus sign keeps an index from being used; the rows are to come in the order of their ids
        plus = "+" if by_id else ""
        wanted = {f"{plus if name != 'algo' else ''}{name} = ?": value for name, value in {**fixed, "symbol": page.symbol}.items()}
        wanted |= {"id >= ?": page.first, f"{plus}time >= ?": page.start, f"{plus}time <= ?": page.end}
        used = {text: value for text, value in wanted.items() if value is not None}
        way = "DESC" if page.newest else "ASC"
        order = f"id {way}" if by_id else f"time {way}, id {way}"
        # the texts are those above, the values are bound
        cursor = self._db.execute(f"SELECT body FROM {table} WHERE {' AND '.join(used)} ORDER BY {order}", (*used.values(),))  # noqa: S608
        rows = list(islice(filter(keep, (unpack(kind, body) for (body,) in cursor)), page.limit))
        cursor.close()
        return rows[::-1] if page.newest else rows

    def order(self, account: Account, number: int, *, algo: bool) -> Order | None:
        """An order by its id."""
        return self._one("algo = ? AND id = ? AND account = ?", (int(algo), number, account.key))

    def order_named(self, account: Account, client: str, symbol: str | None, *, algo: bool) -> Order | None:
        """The newest order with a client id."""
        where = "client = ? AND algo = ? AND account = ?" + ("" if symbol is None else " AND symbol = ?")
        values = (client, int(algo), account.key)
        return self._one(where, values if symbol is None else (*values, symbol))

    def _one(self, where: str, values: tuple[Any, ...]) -> Order | None:
        row = self._db.execute(f"SELECT body FROM orders WHERE {where} ORDER BY id DESC LIMIT 1", values).fetchone()  # noqa: S608 - texts above
        return None if row is None else unpack(Order, row[0])

    def liquidations(self, account: Account, symbol: str | None) -> list[Order]:
        """Orders with which the venue closed positions, oldest first."""
        cursor = self._db.execute(
            "SELECT body FROM orders WHERE client >= 'autoclose-' AND client < 'autoclose.' AND account = ? ORDER BY id", (account.key,)
        )
        found = [unpack(Order, body) for (body,) in cursor]
        return [order for order in found if symbol in {None, order.symbol}]

    def all_orders(self, account: Account, *, algo: bool) -> Iterator[Order]:
        """Every order, oldest first, one at a time."""
        for (body,) in self._db.execute("SELECT body FROM orders WHERE algo = ? AND account = ? ORDER BY id", (int(algo), account.key)):
            yield unpack(Order, body)

    def all_trades(self, account: Account) -> Iterator[Trade]:
        """Every trade, oldest first, one at a time."""
        for (body,) in self._db.execute("SELECT body FROM trades WHERE account = ? ORDER BY id", (account.key,)):
            yield unpack(Trade, body)

    def all_incomes(self, account: Account) -> Iterator[Income]:
        """Every income, oldest first, one at a time."""
        for (body,) in self._db.execute("SELECT body FROM incomes WHERE account = ? ORDER BY id", (account.key,)):
            yield unpack(Income, body)
