"""The venue's memory: SQLite in WAL mode, one transaction per change set, written before anybody is told."""

import sqlite3
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import orjson

from services.paper_exchange.logic.desk import Changes, Desk
from services.paper_exchange.logic.entities import Account, Income, Order, Position, SymbolSettings, Trade
from shared.domain.errors import StateCorrupt
from shared.domain.order import PositionSide

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (key TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS orders (algo INTEGER, id INTEGER, body BLOB NOT NULL, PRIMARY KEY (algo, id));
CREATE TABLE IF NOT EXISTS trades (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS incomes (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""
VERSION = "1"

_T = TypeVar("_T")


def pack(entity: Any) -> bytes:
    """A flat entity as JSON; decimals as texts."""
    return orjson.dumps(entity, default=str)


def unpack(kind: type[_T], body: bytes | dict[str, Any]) -> _T:
    """The inverse of `pack`."""
    values = orjson.loads(body) if isinstance(body, bytes) else body
    hints = get_type_hints(kind)
    return kind(**{name: _typed(hints[name], value) for name, value in values.items()})


def _typed(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and (issubclass(kind, Decimal | StrEnum)):
        return kind(value)
    return value


_FLAT = ("key", "secret", "alias", "wallet", "hedge", "multi_assets", "fee_burn", "updated_ms")


def pack_account(account: Account) -> bytes:
    """Money, modes, positions and settings of an account; its orders, trades and incomes have tables of their own."""
    flat = {name: getattr(account, name) for name in _FLAT}
    return pack({**flat, "positions": [*account.positions.values(), *account.parked], "settings": account.settings})


def unpack_account(body: bytes) -> Account:
    """The inverse of `pack_account`."""
    values = orjson.loads(body)
    account = Account(**{**{name: values[name] for name in _FLAT}, "wallet": Decimal(values["wallet"])})
    for row in values["positions"]:
        position = unpack(Position, row)
        account.positions[(position.symbol, PositionSide(position.side))] = position
    account.settings = {symbol: unpack(SymbolSettings, row) for symbol, row in values["settings"].items()}
    return account


class Store:
    """One SQLite file. A commit survives the death of the process at any moment."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            self._db = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_TABLES)
            version = self.read_meta("version")
        except sqlite3.DatabaseError as error:
            raise StateCorrupt(f"{path}: not a store of the paper venue ({error}); move it aside or give another path") from error
        if version is None:
            self.write_meta({"version": VERSION})
        elif version != VERSION:
            raise StateCorrupt(f"{path}: written by another version ({version}, expected {VERSION}); move it aside")

    def read_meta(self, name: str) -> str | None:
        """A stored word."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def write_meta(self, values: dict[str, str]) -> None:
        """Store words, at once."""
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def commit(self, changes: Changes, counters: dict[str, int], time_ms: int, position: str) -> None:
        """Write a change set in one transaction."""
        execute = self._db.execute
        execute("BEGIN")
        try:
            for key, account in changes.accounts.items():
                execute("INSERT OR REPLACE INTO accounts VALUES (?, ?)", (key, pack_account(account)))
            for (algo, number), order in changes.orders.items():
                execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", (algo, number, pack(order)))
            for trade in changes.trades:
                execute("INSERT OR REPLACE INTO trades VALUES (?, ?)", (trade.trade_id, pack(trade)))
            for income in changes.incomes:
                execute("INSERT OR REPLACE INTO incomes VALUES (?, ?)", (income.tran_id, pack(income)))
            self.write_meta({"counters": orjson.dumps(counters).decode(), "time_ms": str(time_ms), "position": position})
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def load(self, desk: Desk) -> None:
        """Fill a desk with what is stored.

        Orders, trades and positions of contracts that the present market does not have stay in the file; such positions are
        parked. Incomes are all read: they make up the wallet.
        """
        listed = desk.market.rules
        for _, body in self._db.execute("SELECT key, body FROM accounts ORDER BY key"):
            account = unpack_account(body)
            account.parked = [account.positions.pop(key) for key in list(account.positions) if key[0] not in listed]
            desk.accounts[account.key] = account
        for (body,) in self._db.execute("SELECT body FROM orders ORDER BY id"):
            order = unpack(Order, body)
            if order.symbol in listed:
                self._restore(desk, order)
        for (body,) in self._db.execute("SELECT body FROM trades ORDER BY id"):
            trade = unpack(Trade, body)
            if trade.symbol in listed:
                desk.accounts[trade.account].trades.append(trade)
        for (body,) in self._db.execute("SELECT body FROM incomes ORDER BY id"):
            income = unpack(Income, body)
            desk.accounts[income.account].incomes.append(income)
        counters = self.read_meta("counters")
        if counters is not None:
            desk.counters |= orjson.loads(counters)

    def _restore(self, desk: Desk, order: Order) -> None:
        account = desk.accounts[order.account]
        (account.algos if order.algo else account.orders)[order.order_id] = order
        if order.status.open:
            (account.open_algo_ids if order.algo else account.open_ids)[order.client_id] = order.order_id
            desk.add_work(order)

    def forget(self, account: Account) -> None:
        """Delete an account with its orders, trades and incomes, also those in contracts that are not listed now."""
        self._db.execute("BEGIN")
        self._db.execute("DELETE FROM accounts WHERE key = ?", (account.key,))
        self._db.execute("DELETE FROM orders WHERE json_extract(CAST(body AS TEXT), '$.account') = ?", (account.key,))
        self._db.execute("DELETE FROM trades WHERE json_extract(CAST(body AS TEXT), '$.account') = ?", (account.key,))
        self._db.execute("DELETE FROM incomes WHERE json_extract(CAST(body AS TEXT), '$.account') = ?", (account.key,))
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()
