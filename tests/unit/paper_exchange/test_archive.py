"""Old orders, trades and income are answered from the store; memory keeps the newest."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.paper_exchange.logic.entities import KEPT
from services.paper_exchange.packing import pack
from services.paper_exchange.store import Store
from tests.unit.paper_exchange.asgi import Direct
from tests.unit.paper_exchange.bench_desk import Bench

MANY = 2 * KEPT + 50


@pytest.fixture(scope="module")
def venue() -> Iterator[Direct]:
    running = Direct()
    words = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.001"}
    for number in range(MANY):
        side = "SELL" if number % 2 else "BUY"
        assert running.signed("POST", "/fapi/v1/order", **words, side=side, newClientOrderId=f"n{number}")[0] == 200
        running.wall.now_ms += 1
    yield running
    running.close()


def ids(rows: list[dict[str, Any]], name: str) -> list[int]:
    return [row[name] for row in rows]


def test_memory_holds_the_newest(venue: Direct) -> None:
    account = venue.exchange.desk.account("paper-key")
    assert KEPT <= len(account.orders) <= 2 * KEPT
    assert KEPT <= len(account.trades) <= 2 * KEPT
    assert KEPT <= len(account.incomes) <= 2 * KEPT


def test_orders_that_never_fill_are_let_go_too() -> None:
    venue = Direct()
    words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    price = f"{float(orjson.loads(venue.call('GET', '/fapi/v1/ticker/price', b'symbol=BTCUSDT')[1])['price']) * 0.97:.0f}"
    kept = venue.signed("POST", "/fapi/v1/order", **words, price=price)[1]
    for _ in range(MANY):
        number = venue.signed("POST", "/fapi/v1/order", **words, price=price)[1]["orderId"]
        assert venue.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=number)[0] == 200
    account = venue.exchange.desk.account("paper-key")
    assert len(account.orders) <= 2 * KEPT + 1
    assert kept["orderId"] in account.orders
    assert [row["orderId"] for row in venue.signed("GET", "/fapi/v1/openOrders")[1]] == [kept["orderId"]]
    venue.close()


def test_any_order_is_found(venue: Direct) -> None:
    first = venue.signed("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="n0")[1]
    assert first["status"] == "FILLED"
    assert venue.signed("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=first["orderId"])[1] == first
    assert venue.signed("GET", "/fapi/v1/order", symbol="ETHUSDT", orderId=first["orderId"])[1]["code"] == -2013
    assert venue.signed("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="never")[1]["code"] == -2013
    assert venue.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=first["orderId"])[1]["code"] == -2011


def test_orders_are_paged_from_the_first_to_the_last(venue: Direct) -> None:
    found: list[int] = []
    start = 0
    while True:
        page = ids(venue.signed("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", orderId=start, limit=1000)[1], "orderId")
        if not page:
            break
        found += page
        start = page[-1] + 1
    assert len(found) == MANY
    assert found == sorted(set(found))
    newest = ids(venue.signed("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", limit=3)[1], "orderId")
    assert newest == found[-3:]
    assert ids(venue.signed("GET", "/fapi/v1/allOrders", limit=3)[1], "orderId") == newest
    assert venue.signed("GET", "/fapi/v1/allOrders", symbol="ETHUSDT")[1] == []


def test_trades_are_paged_by_id_by_time_and_by_order(venue: Direct) -> None:
    path = "/fapi/v1/userTrades"
    newest = venue.signed("GET", path, symbol="BTCUSDT", limit=2)[1]
    oldest = venue.signed("GET", path, symbol="BTCUSDT", fromId=0, limit=2)[1]
    assert newest[-1]["id"] - oldest[0]["id"] == MANY - 1
    assert venue.signed("GET", path, symbol="BTCUSDT", orderId=oldest[1]["orderId"])[1] == [oldest[1]]
    window = venue.signed("GET", path, symbol="BTCUSDT", startTime=oldest[0]["time"], limit=2)[1]
    assert window == oldest
    assert venue.signed("GET", path, symbol="BTCUSDT", startTime=newest[-1]["time"] + 1)[1] == []


def test_income_begins_with_the_deposit_and_sums_to_the_wallet(venue: Direct) -> None:
    path = "/fapi/v1/income"
    assert venue.signed("GET", path, startTime=0, limit=1)[1][0]["incomeType"] == "TRANSFER"
    kinds = {row["incomeType"] for row in venue.signed("GET", path, incomeType="commission", limit=1000)[1]}
    assert kinds == {"COMMISSION"}
    report = venue.call("GET", "/paper/v1/report", headers={"X-MBX-APIKEY": "paper-key"})[1]
    assert b'"trades":%d' % MANY in report
    body = venue.call("GET", "/paper/v1/export", b"what=orders", headers={"X-MBX-APIKEY": "paper-key"})[1]
    assert body.count(b"\n") == MANY + 1


def test_pages_are_read_through_an_index(venue: Direct) -> None:
    store = venue.exchange.store
    asked = {
        "account = ? AND symbol = ? ORDER BY time DESC, id DESC": "trades_by_time",
        "+account = ? AND +symbol = ? AND id >= ? ORDER BY id ASC": "PRIMARY KEY",
    }
    for where, index in asked.items():
        plan = store._db.execute(f"EXPLAIN QUERY PLAN SELECT body FROM trades WHERE {where}", ("k", "s", 1)[: where.count("?")])  # noqa: S608
        text = " ".join(str(row) for row in plan)
        assert index in text
        assert "TEMP B-TREE" not in text


def test_a_store_of_the_first_version_is_widened(tmp_path: Path) -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="2")
    bench.order("LIMIT", "BUY", quantity="1", price="99")
    path = tmp_path / "old.sqlite"
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
        "CREATE TABLE accounts (key TEXT PRIMARY KEY, body BLOB NOT NULL);"
        "CREATE TABLE orders (algo INTEGER, id INTEGER, body BLOB NOT NULL, PRIMARY KEY (algo, id));"
        "CREATE TABLE trades (id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
        "CREATE TABLE incomes (id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
        "INSERT INTO meta VALUES ('version', '1');"
    )
    changes = bench.desk.take_changes()
    db.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(*key, pack(item)) for key, item in changes.orders.items()])
    db.executemany("INSERT INTO trades VALUES (?, ?)", [(item.trade_id, pack(item)) for item in changes.trades])
    db.commit()
    db.close()
    store = Store(path)
    rows = list(store.archive.all_orders(bench.account, algo=False))
    assert [pack(row) for row in rows] == [pack(order) for order in bench.account.orders.values()]
    assert list(store.archive.all_trades(bench.account)) == bench.account.trades
    assert store._db.execute("SELECT count(*) FROM orders WHERE live = 1").fetchone() == (1,)
    assert store.read_meta("version") == "2"
    store.close()
