"""The venue's memory: SQLite in WAL mode, one transaction per change set, written before anybody is told."""

import contextlib
import sqlite3
from pathlib import Path

import orjson

from services.paper_exchange.archive import Archive
from services.paper_exchange.logic.desk import Changes, Desk
from services.paper_exchange.logic.entities import KEPT, Account, Income, Order, Trade
from services.paper_exchange.packing import pack, pack_account, unpack, unpack_account
from shared.domain.errors import StateCorrupt

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (key TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    algo INTEGER, id INTEGER, body BLOB NOT NULL,
    account TEXT, symbol TEXT, client TEXT, time INTEGER, live INTEGER,
    PRIMARY KEY (algo, id));
CREATE TABLE IF NOT EXISTS trades (id INTEGER PRIMARY KEY, body BLOB NOT NULL, account TEXT, symbol TEXT, order_id INTEGER, time INTEGER);
CREATE TABLE IF NOT EXISTS incomes (id INTEGER PRIMARY KEY, body BLOB NOT NULL, account TEXT, symbol TEXT, kind TEXT, time INTEGER);
"""
_INDEXES = """
CREATE INDEX IF NOT EXISTS orders_by_time ON orders (account, algo, symbol, time, id);
CREATE INDEX IF NOT EXISTS orders_by_client ON orders (client);
CREATE INDEX IF NOT EXISTS orders_live ON orders (id) WHERE live = 1;
CREATE INDEX IF NOT EXISTS trades_by_time ON trades (account, symbol, time, id);
CREATE INDEX IF NOT EXISTS trades_by_order ON trades (order_id);
CREATE INDEX IF NOT EXISTS incomes_by_time ON incomes (account, time, id);
"""
_NEW_COLUMNS = {
    "orders": {"account": "account", "symbol": "symbol", "client": "client_id", "time": "created_ms"},
    "trades": {"account": "account", "symbol": "symbol", "order_id": "order_id", "time": "time_ms"},
    "incomes": {"account": "account", "symbol": "symbol", "kind": "kind", "time": "time_ms"},
}
"""What version 2 keeps beside the bodies, and the fields of the bodies that it is made from."""
VERSION = "2"
_WAL_PAGES = 50_000
"""Pages (of 4 KiB) in the log at which a commit itself makes room; `checkpoint` should come long before."""


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
            self._db.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
            self._db.executescript(_TABLES)
            version = self.read_meta("version")
            if version == "1":
                self._widen()
                version = VERSION
            self._db.executescript(_INDEXES if version in {None, VERSION} else "")
        except sqlite3.DatabaseError as error:
            raise StateCorrupt(f"{path}: not a store of the paper venue ({error}); move it aside or give another path") from error
        if version is None:
            self.write_meta({"version": VERSION})
        elif version != VERSION:
            raise StateCorrupt(f"{path}: written by another version ({version}, expected {VERSION}); move it aside")
        self.archive = Archive(self._db)

    def _widen(self) -> None:
        """From version 1, which kept bodies only."""
        self._db.execute("BEGIN IMMEDIATE")
        for table, columns in _NEW_COLUMNS.items():
            for column in columns:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {'INTEGER' if column in {'time', 'order_id'} else 'TEXT'}")
            parts = ", ".join(f"{column} = json_extract(CAST(body AS TEXT), '$.{field}')" for column, field in columns.items())
            self._db.execute(f"UPDATE {table} SET {parts}")  # noqa: S608 - the names above
        self._db.execute("ALTER TABLE orders ADD COLUMN live INTEGER")
        for algo, number, body in self._db.execute("SELECT algo, id, body FROM orders").fetchall():
            self._db.execute("UPDATE orders SET live = ? WHERE algo = ? AND id = ?", (unpack(Order, body).live, algo, number))
        self.write_meta({"version": VERSION})
        self._db.execute("COMMIT")

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
            for (algo, number), item in changes.orders.items():
                beside = (item.account, item.symbol, item.client_id, item.created_ms, item.live)
                execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (algo, number, pack(item), *beside))
            for trade in changes.trades:
                row = (trade.trade_id, pack(trade), trade.account, trade.symbol, trade.order_id, trade.time_ms)
                execute("INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?, ?, ?)", row)
            for income in changes.incomes:
                entry = (income.tran_id, pack(income), income.account, income.symbol, income.kind, income.time_ms)
                execute("INSERT OR REPLACE INTO incomes VALUES (?, ?, ?, ?, ?, ?)", entry)
            self.write_meta({"counters": orjson.dumps(counters).decode(), "time_ms": str(time_ms), "position": position})
        except BaseException:
            execute("ROLLBACK")
            raise
        execute("COMMIT")

    def checkpoint(self) -> None:
        """Bring what was committed from the log into the file.

        For a thread of its own: it waits for the disk, which takes longer than all the commits before it, and commits go on
        meanwhile. A commit needs no checkpoint to survive the death of the process.
        """
        if self.path is not None:
            with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as db:
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def load(self, desk: Desk) -> None:
        """Fill a desk with what is stored: accounts, living orders, and the newest of what is over.

        Orders, trades and positions of contracts that the present market does not have stay in the file; such positions are
        parked.
        """
        listed = desk.market.rules
        for _, body in self._db.execute("SELECT key, body FROM accounts ORDER BY key"):
            account = unpack_account(body)
            account.parked = [account.positions.pop(key) for key in list(account.positions) if key[0] not in listed]
            desk.accounts[account.key] = account
        for account in desk.accounts.values():
            for body in self._newest("orders", account.key, "live = 1 OR"):
                order = unpack(Order, body)
                if order.symbol in listed:
                    self._restore(desk, order)
            trades = [unpack(Trade, body) for body in self._newest("trades", account.key)]
            account.trades.extend(trade for trade in trades if trade.symbol in listed)
            account.incomes.extend(unpack(Income, body) for body in self._newest("incomes", account.key))
        counters = self.read_meta("counters")
        if counters is not None:
            desk.counters |= orjson.loads(counters)

    def _newest(self, table: str, key: str, also: str = "") -> list[bytes]:
        """Bodies of an account's newest rows, oldest first."""
        newest = f"SELECT rowid FROM {table} WHERE account = ? ORDER BY id DESC LIMIT {KEPT}"  # noqa: S608 - names of this file
        text = f"SELECT body FROM {table} WHERE account = ? AND ({also} rowid IN ({newest})) ORDER BY id"  # noqa: S608 - names of this file
        return [body for (body,) in self._db.execute(text, (key, key))]

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
        for table in _NEW_COLUMNS:
            self._db.execute(f"DELETE FROM {table} WHERE account = ?", (account.key,))  # noqa: S608 - names of this file
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()
