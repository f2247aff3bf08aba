"""What is written is what is read."""

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.paper_exchange.logic.desk import Desk, Fees, Market
from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.packing import pack, pack_account, unpack_account
from services.paper_exchange.store import Store
from tests.unit.paper_exchange.bench_desk import SYMBOL, Bench


def filled(path: Path) -> tuple[Bench, Store]:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="2")
    bench.order("LIMIT", "BUY", quantity="1", price="99")
    bench.algo("STOP_MARKET", "SELL", triggerPrice="95", closePosition="true")
    bench.algo("TRAILING_STOP_MARKET", "SELL", quantity="1", callbackRate="2", reduceOnly="true")
    bench.move("103")
    store = Store(path)
    changes = bench.desk.take_changes()
    assert bench.account.key in changes.accounts
    store.commit(changes, bench.desk.counters, bench.desk.time_ms, "")
    return bench, store


def test_a_desk_comes_back_as_it_was(tmp_path: Path) -> None:
    bench, store = filled(tmp_path / "venue.sqlite")
    again = Desk(bench.desk.market, Fees(), Dialect.BINANCE)
    store.load(again)
    account = again.accounts["k"]
    assert pack_account(account) == pack_account(bench.account)
    assert [pack(order) for order in account.orders.values()] == [pack(order) for order in bench.account.orders.values()]
    assert account.trades == bench.account.trades
    assert account.open_ids == bench.account.open_ids
    assert again.working.keys() == bench.desk.working.keys()
    assert again.working[SYMBOL].keys() == bench.desk.working[SYMBOL].keys()
    assert again.counters == bench.desk.counters
    store.close()


def test_what_another_market_does_not_list_waits(tmp_path: Path) -> None:
    bench, store = filled(tmp_path / "venue.sqlite")
    other = Desk(Market(rules={}, ladders={}, quotes=lambda _symbol: None), Fees(), Dialect.BINANCE)
    store.load(other)
    account = other.accounts["k"]
    assert (account.held(), account.open_orders(), account.trades, other.working) == ([], [], [], {})
    assert account.wallet == bench.account.wallet
    assert len(account.parked) == 1
    other.touch_account(account)
    store.commit(other.take_changes(), other.counters, other.time_ms, "")
    again = Desk(bench.desk.market, Fees(), Dialect.BINANCE)
    store.load(again)
    assert again.accounts["k"].held() == bench.account.held()
    store.close()


def test_an_account_survives_packing() -> None:
    bench = Bench()
    bench.order("MARKET", "SELL", quantity="2")
    bench.account.setting(SYMBOL).isolated = True
    assert pack_account(unpack_account(pack_account(bench.account))) == pack_account(bench.account)


def test_a_forgotten_account_leaves_nothing(tmp_path: Path) -> None:
    bench, store = filled(tmp_path / "venue.sqlite")
    store.forget(bench.account)
    again = Desk(bench.desk.market, Fees(), Dialect.BINANCE)
    store.load(again)
    assert (again.accounts, again.working) == ({}, {})
    store.close()


def test_a_checkpoint_beside_commits_loses_nothing(tmp_path: Path) -> None:
    bench, store = filled(tmp_path / "venue.sqlite")
    log = tmp_path / "venue.sqlite-wal"
    assert log.stat().st_size > 0
    with ThreadPoolExecutor() as pool:
        for _ in range(20):
            making = pool.submit(store.checkpoint)
            bench.order("MARKET", "BUY", quantity="1")
            store.commit(bench.desk.take_changes(), bench.desk.counters, bench.desk.time_ms, "")
            making.result()
    store.checkpoint()
    with contextlib.closing(sqlite3.connect(f"file:{tmp_path / 'venue.sqlite'}?immutable=1", uri=True)) as file:
        assert file.execute("SELECT count(*) FROM trades").fetchone() == (len(bench.account.trades),)
    again = Desk(bench.desk.market, Fees(), Dialect.BINANCE)
    store.load(again)
    assert again.accounts["k"].trades == bench.account.trades
    store.close()


def test_without_a_file_there_is_nothing_to_bring_home() -> None:
    store = Store(None)
    store.checkpoint()
    store.close()
