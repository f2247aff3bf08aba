"""Every recorded stream frame goes through the parser that reads it, or says why none does."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest

from shared.domain.order import OrderStatus
from shared.exchange.events import (
    AccountUpdate,
    AlgoUpdate,
    ConfigUpdate,
    Execution,
    ListenKeyExpired,
    MarginCall,
    OrderUpdate,
)
from shared.exchange.fields import Row
from shared.exchange.market import AggTrade, BookTicker, KlineEvent, MarkPrice, Ticker24h
from shared.exchange.parse_account import parse_account, parse_positions
from shared.exchange.parse_orders import parse_order
from shared.exchange.parse_stream import Control, Events, event_ms, parse_market_event, unwrap
from shared.exchange.parse_user import parse_user_event
from tests.unit.exchange.recordings import MISSING, load, names, read


def items_of(frame: Any) -> tuple[Row, ...]:
    content = unwrap(orjson.dumps(frame))
    assert isinstance(content, Events)
    for item in content.items:
        assert event_ms(item) > 1_500_000_000_000
    return content.items


def check_kline(item: Row) -> None:
    event = parse_market_event(item)
    assert isinstance(event, KlineEvent)
    assert (event.candle.close_ms, event.closed, event.candle.symbol) == (item["k"]["T"], item["k"]["x"], item["s"])
    assert event.candle.low <= event.candle.close <= event.candle.high


def check_agg_trade(item: Row) -> None:
    event = parse_market_event(item)
    assert isinstance(event, AggTrade)
    assert (event.trade_id, event.buyer_is_maker, event.price) == (item["a"], item["m"], float(item["p"]))


def check_book_ticker(item: Row) -> None:
    event = parse_market_event(item)
    assert isinstance(event, BookTicker)
    assert event.bid < event.ask
    assert (event.bid_qty, event.ask_qty, event.time_ms) == (float(item["B"]), float(item["A"]), item["T"])


def check_mark_price(item: Row) -> None:
    event = parse_market_event(item)
    if item.get("st") == 2:
        assert event is None
        return
    assert isinstance(event, MarkPrice)
    assert (event.symbol, event.mark, event.index) == (item["s"], float(item["p"]), float(item["i"]))
    assert event.next_funding_ms == item["T"]


def check_ticker(item: Row) -> None:
    event = parse_market_event(item)
    if item.get("st") == 2:
        assert event is None
        return
    assert isinstance(event, Ticker24h)
    assert event.change_ratio == pytest.approx(event.last / event.open - 1, abs=1e-4)
    assert (event.trades, event.time_ms) == (item["n"], item["C"])


def check_order_update(item: Row) -> None:
    event, source = parse_user_event(item), item["o"]
    assert isinstance(event, OrderUpdate)
    assert (event.order.symbol, event.order.order_id, event.order.client_id) == (source["s"], source["i"], source["c"])
    assert (event.execution, event.order.type) == (source["x"], source["ot"])
    assert event.status == source["X"] or str(source["X"]).startswith("NEW_")
    assert event.cumulative_qty == Decimal(source["z"])
    assert (event.fill is not None) == (Decimal(source["l"]) > 0)
    if event.fill is not None:
        assert (event.fill.trade_id, event.fill.quantity, event.fill.price) == (source["t"], Decimal(source["l"]), Decimal(source["L"]))
        assert (event.commission, event.realised) == (Decimal(source.get("n") or 0), Decimal(source.get("rp") or 0))
        assert event.execution in {Execution.TRADE, Execution.CALCULATED}
    else:
        assert event.commission == event.realised == 0


def check_algo_update(item: Row) -> None:
    event, source = parse_user_event(item), item["o"]
    assert isinstance(event, AlgoUpdate)
    assert (event.order.order_id, event.order.client_id, event.order.status) == (source["aid"], source["caid"], source["X"])
    assert event.order.algo
    assert event.order.triggered_order_id == (int(source["ai"]) if source["ai"] else None)
    assert event.order.filled == Decimal(source.get("aq", 0))
    assert (event.order.average_price is not None) == (event.order.filled > 0)
    assert event.reason == source.get("rm", "")
    assert event.order.status.open == (source["X"] in {"NEW", "TRIGGERING"})


def check_account_update(item: Row) -> None:
    event, source = parse_user_event(item), item["a"]
    assert isinstance(event, AccountUpdate)
    assert event.reason == source["m"]
    assert [(b.asset, b.wallet) for b in event.balances] == [(b["a"], Decimal(b["wb"])) for b in source["B"]]
    assert [b.change is None for b in event.balances] == ["bc" not in b for b in source["B"]]
    assert [(p.symbol, p.amount, p.position_side) for p in event.positions] == [(p["s"], Decimal(p["pa"]), p["ps"]) for p in source["P"]]


def check_config_update(item: Row) -> None:
    event = parse_user_event(item)
    assert isinstance(event, ConfigUpdate)
    assert (event.symbol, event.leverage) == (item.get("ac", {}).get("s"), item.get("ac", {}).get("l"))
    assert (event.multi_assets, event.hedge) == (item.get("ai", {}).get("j"), item.get("ai", {}).get("d"))


def check_margin_call(item: Row) -> None:
    event = parse_user_event(item)
    assert isinstance(event, MarginCall)
    assert event.cross_wallet == Decimal(item["cw"])
    assert [(p.symbol, p.maintenance_margin) for p in event.positions] == [(p["s"], Decimal(p["mm"])) for p in item["p"]]
    assert not event.positions[0].isolated


def check_expired(item: Row) -> None:
    assert parse_user_event(item) == ListenKeyExpired(event_ms=item["E"])


def each(check: Callable[[Row], None]) -> Callable[[Any], None]:
    def run(frame: Any) -> None:
        for item in items_of(frame):
            check(item)

    return run


def check_control(frame: Any) -> None:
    if "method" in frame:
        return
    content = unwrap(orjson.dumps(frame))
    assert isinstance(content, Control)
    code = frame.get("error", frame).get("code")
    assert content.code == code
    assert content.request_id == str(frame.get("id", ""))


def check_api_account(frame: Any) -> None:
    for asset in frame["result"]["assets"]:
        assert parse_account(frame["result"], asset["asset"], 1).wallet == Decimal(asset["walletBalance"])


def check_api_positions(frame: Any) -> None:
    assert len(parse_positions(frame["result"])) == sum(Decimal(p["positionAmt"]) != 0 for p in frame["result"])


def check_api_order(frame: Any) -> None:
    assert parse_order(frame["result"]).order_id == frame["result"]["orderId"]


PARSED: dict[str, Callable[[Any], None]] = {
    "kline_1m_2026": each(check_kline),
    "kline_1m_2026_combined": each(check_kline),
    "kline_1m_combined": each(check_kline),
    "aggTrade_2026": each(check_agg_trade),
    "aggTrade_2026_combined": each(check_agg_trade),
    "aggTrade_combined": each(check_agg_trade),
    "bookTicker_2021": each(check_book_ticker),
    "bookTicker_2026_combined": each(check_book_ticker),
    "bookTicker_combined": each(check_book_ticker),
    "bookTicker_raw": each(check_book_ticker),
    "docs_markPrice_2026": each(check_mark_price),
    "markPrice_arr": each(check_mark_price),
    "markPrice_arr_1s_2026_combined": each(check_mark_price),
    "markPrice_single": each(check_mark_price),
    "ticker_2026_combined": each(check_ticker),
    "ticker_arr_2026_combined": each(check_ticker),
    "ticker_single": each(check_ticker),
    "ORDER_TRADE_UPDATE_canceled": each(check_order_update),
    "ORDER_TRADE_UPDATE_new_hedge": each(check_order_update),
    "aster_docs_ORDER_TRADE_UPDATE": each(check_order_update),
    "synthetic_ORDER_TRADE_UPDATE_settlement": each(check_order_update),
    "ALGO_UPDATE_FINISHED": each(check_algo_update),
    "ALGO_UPDATE_FINISHED_after_cancel": each(check_algo_update),
    "ALGO_UPDATE_TRIGGERING": each(check_algo_update),
    "docs_ALGO_UPDATE_CANCELED": each(check_algo_update),
    "ACCOUNT_UPDATE_bnfcr": each(check_account_update),
    "ACCOUNT_UPDATE_hedge": each(check_account_update),
    "docs_ACCOUNT_UPDATE": each(check_account_update),
    "ACCOUNT_CONFIG_UPDATE_leverage": each(check_config_update),
    "ACCOUNT_CONFIG_UPDATE_multi_asset": each(check_config_update),
    "aster_docs_ACCOUNT_CONFIG_UPDATE_ai": each(check_config_update),
    "aster_docs_MARGIN_CALL": each(check_margin_call),
    "docs_MARGIN_CALL": each(check_margin_call),
    "aster_docs_listenKeyExpired": each(check_expired),
    "control_error": check_control,
    "control_list": check_control,
    "control_subscribe": check_control,
    "control_too_many_subscriptions_2026": check_control,
    "wsapi_account_position": check_api_positions,
    "wsapi_account_status": check_api_account,
    "wsapi_order_cancel_ok": check_api_order,
    "wsapi_order_place_ok": check_api_order,
}
IGNORED = {
    "TRADE_LITE": "the fill comes in full with ORDER_TRADE_UPDATE",
    "docs_CONDITIONAL_ORDER_TRIGGER_REJECT": "retired by the venue; the reason is in ALGO_UPDATE",
    "docs_GRID_UPDATE": "the venue's own bots are not ours",
}
"""Parsed as events of kinds that MrAster does not read."""
NOT_SUBSCRIBED = {
    "depth20_100ms_2026_combined": "the book's depth is read over REST",
    "depthUpdate_SUSHIUSDT_sequence": "the book's depth is read over REST",
    "miniTicker_single": "the full ticker is read",
    "forceOrder_raw": "liquidations of others are not an input",
}
"""Streams that MrAster does not ask for; should one come, it is ignored."""
WS_API_ERRORS = {
    "wsapi_order_cancel_unknown": "orders go over REST, where the same code is mapped",
    "wsapi_order_place_rejected": "orders go over REST, where the same code is mapped",
    "wsapi_session_logon_bad_signature": "orders go over REST, where the same code is mapped",
}


@MISSING
@pytest.mark.recorded
@pytest.mark.parametrize("name", names("ws"))
def test_recorded_frames(name: str):
    frames = load("ws", name)["frames"]
    assert frames
    if name in WS_API_ERRORS:
        return
    for frame in frames:
        if name in IGNORED:
            assert [parse_user_event(item) for item in items_of(frame)] == [None]
        elif name in NOT_SUBSCRIBED:
            assert [parse_market_event(item) for item in items_of(frame)] == [None]
        else:
            PARSED[name](frame)


@MISSING
@pytest.mark.recorded
def test_tables_name_nothing_that_does_not_exist():
    tables = [set(PARSED), set(IGNORED), set(NOT_SUBSCRIBED), set(WS_API_ERRORS)]
    assert set().union(*tables) == set(names("ws"))
    assert sum(map(len, tables)) == len(names("ws"))


USER_CHECKS = {
    "ORDER_TRADE_UPDATE": check_order_update,
    "ALGO_UPDATE": check_algo_update,
    "ACCOUNT_UPDATE": check_account_update,
    "ACCOUNT_CONFIG_UPDATE": check_config_update,
    "MARGIN_CALL": check_margin_call,
}


@MISSING
@pytest.mark.recorded
def test_user_stream_samples():
    seen = set()
    for line in read("data", "user_stream_samples.jsonl").splitlines():
        message = orjson.loads(line)["message"]
        for item in items_of(message):
            seen.add(item["e"])
            if item["e"] in USER_CHECKS:
                USER_CHECKS[item["e"]](item)
            else:
                assert parse_user_event(item) is None
    assert set(USER_CHECKS) <= seen


def test_liquidation_by_the_insurance_fund_is_filled_by_quantity():
    source = {"s": "A", "c": "autoclose-1", "S": "SELL", "o": "LIMIT", "q": "2", "z": "2", "x": "CALCULATED", "X": "NEW_INSURANCE", "i": 1}
    source |= {"l": "2", "L": "5", "t": 3, "T": 9, "n": "0.1", "N": "USDT", "m": False}
    event = parse_user_event({"e": "ORDER_TRADE_UPDATE", "E": 9, "T": 9, "o": source})
    assert isinstance(event, OrderUpdate)
    assert event.status is OrderStatus.FILLED
    half = parse_user_event({"e": "ORDER_TRADE_UPDATE", "E": 9, "T": 9, "o": {**source, "z": "1", "l": "1"}})
    assert isinstance(half, OrderUpdate)
    assert half.status is OrderStatus.PARTIALLY_FILLED
