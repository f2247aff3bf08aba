"""Every recorded REST answer goes through the parser that reads it, or says why none does."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest

from shared.domain.candle import Candle
from shared.domain.errors import MrasterError
from shared.domain.order import Fill, OrderType, VenueOrder
from shared.domain.position import VenuePosition
from shared.exchange.call import Call
from shared.exchange.codes import RULES, Reaction
from shared.exchange.parse_account import (
    parse_account,
    parse_brackets,
    parse_commission,
    parse_income,
    parse_position_mode,
    parse_positions,
    parse_symbol_settings,
)
from shared.exchange.parse_market import (
    parse_book_tickers,
    parse_depth,
    parse_exchange_info,
    parse_funding_info,
    parse_klines,
    parse_premium_index,
    parse_tickers,
)
from shared.exchange.parse_orders import parse_algo_order, parse_order, parse_user_trades
from shared.exchange.verdict import error_for, read_answer
from tests.unit.exchange.recordings import MISSING, load, names

NOW_MS = 1_800_000_000_000


def check_order(body: Any) -> None:
    order = parse_order(body)
    assert isinstance(order, VenueOrder)
    assert (order.symbol, order.order_id, order.client_id) == (body["symbol"], int(body["orderId"]), body["clientOrderId"])
    assert (order.type, order.side, order.status) == (body["origType"], body["side"], body["status"])
    assert (order.quantity, order.filled) == (Decimal(body["origQty"]), Decimal(body["executedQty"]))
    assert (order.price or 0) == Decimal(body["price"])
    assert (order.trigger_price or 0) == Decimal(body["stopPrice"])
    assert (order.average_price is None) == (order.filled == 0)
    assert order.update_ms == int(body["updateTime"])
    assert not order.algo


def check_orders(body: Any) -> None:
    assert body
    for item in body:
        if "orderId" in item:
            check_order(item)


def check_algo_order(body: Any) -> None:
    order = parse_algo_order(body)
    assert order.algo
    assert (order.symbol, order.order_id, order.client_id) == (body["symbol"], body["algoId"], body["clientAlgoId"])
    assert (order.type, order.status, order.side) == (body["orderType"], body["algoStatus"], body["side"])
    assert order.trigger_price == Decimal(body["triggerPrice"])
    assert order.triggered_order_id == (int(body["actualOrderId"]) if body.get("actualOrderId") else None)
    assert (order.filled > 0) == (order.average_price is not None) == ("actualQty" in body)
    assert order.type.conditional


def check_positions(body: Any) -> None:
    positions = parse_positions(body)
    assert len(positions) == sum(Decimal(item["positionAmt"]) != 0 for item in body)
    for position, item in zip(positions, [item for item in body if Decimal(item["positionAmt"])], strict=True):
        assert isinstance(position, VenuePosition)
        assert position.amount == Decimal(item["positionAmt"])
        assert position.unrealised == Decimal(item["unRealizedProfit"])
        assert position.leverage == (int(item["leverage"]) if "leverage" in item else None)
        assert position.isolated is (item.get("marginType") == "isolated")
        assert (position.liquidation_price or 0) == Decimal(item["liquidationPrice"])


def check_account(body: Any) -> None:
    row = next((item for item in body["assets"] if item["asset"] == "USDT"), body["assets"][0])
    account = parse_account(body, row["asset"], NOW_MS)
    assert account.wallet == Decimal(row["walletBalance"])
    assert account.equity == Decimal(row["marginBalance"])
    assert account.available == Decimal(row["availableBalance"])
    assert account.update_ms in {int(row["updateTime"]), NOW_MS}
    assert account.update_ms > 0


def check_exchange_info(body: Any) -> None:
    info = parse_exchange_info(body)
    assert info.skipped == ()
    assert set(info.instruments) == {item["symbol"] for item in body["symbols"] if item["contractType"] == "PERPETUAL"}
    assert (info.limits is None) == ("rateLimits" not in body)
    for item in body["symbols"]:
        if item["symbol"] in info.instruments:
            instrument = info.instruments[item["symbol"]]
            tick = next(f["tickSize"] for f in item["filters"] if f["filterType"] == "PRICE_FILTER")
            assert instrument.tick == Decimal(tick)
            assert instrument.step > 0
            assert instrument.min_notional > 0
            assert instrument.percent_up > 1 > instrument.percent_down
            assert (instrument.trading, instrument.base) == (item["status"] == "TRADING", item["baseAsset"])


def check_bare_filters(body: Any) -> None:
    info = parse_exchange_info(body)
    assert info.instruments == {}
    assert info.limits is not None
    assert info.limits.orders_per_10s is not None


def check_klines(body: Any) -> None:
    candles = parse_klines(body, "BTCUSDT", "1m")
    for candle, row in zip(candles, body, strict=True):
        assert isinstance(candle, Candle)
        assert (candle.open_ms, candle.trades) == (row[0], row[8])
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert candle.quote_volume == float(row[7])


def check_minute_klines(body: Any) -> None:
    check_klines(body)
    assert all(candle.close_ms == row[6] for candle, row in zip(parse_klines(body, "BTCUSDT", "1m"), body, strict=True))


def check_tickers(body: Any) -> None:
    items = body if isinstance(body, list) else [body]
    for ticker, item in zip(parse_tickers(body), items, strict=True):
        assert (ticker.symbol, ticker.trades, ticker.time_ms) == (item["symbol"], item["count"], item["closeTime"])
        assert ticker.change_ratio == pytest.approx(ticker.last / ticker.open - 1, abs=1e-4)


def check_book_ticker(body: Any) -> None:
    (ticker,) = parse_book_tickers(body)
    assert ticker.bid < ticker.ask
    assert (ticker.bid_qty, ticker.time_ms) == (float(body["bidQty"]), body["time"])


def check_premium_index(body: Any) -> None:
    items = body if isinstance(body, list) else [body]
    for mark, item in zip(parse_premium_index(body), items, strict=True):
        assert (mark.symbol, mark.mark, mark.funding_rate) == (item["symbol"], float(item["markPrice"]), float(item["lastFundingRate"]))
        assert (mark.next_funding_ms, mark.time_ms) == (item["nextFundingTime"], item["time"])


def check_funding_info(body: Any) -> None:
    intervals = dict(parse_funding_info(body))
    assert set(intervals) == {entry["symbol"] for entry in body}
    assert all(intervals[entry["symbol"]] == entry["fundingIntervalHours"] * 3_600_000 for entry in body)


def check_depth(body: Any) -> None:
    depth = parse_depth(body, "SUSHIUSDT")
    assert depth.last_update_id == body["lastUpdateId"]
    assert depth.bids[0][0] < depth.asks[0][0]
    assert list(depth.bids) == sorted(depth.bids, reverse=True)
    assert list(depth.asks) == sorted(depth.asks)


def check_brackets(body: Any) -> None:
    tables = parse_brackets(body)
    assert parse_brackets(body[0]) == {body[0]["symbol"]: tables[body[0]["symbol"]]}
    for steps in tables.values():
        cum = Decimal(0)
        for before, step in zip([None, *steps], steps, strict=False):
            if before is not None:
                cum += step.floor * (step.maintenance_ratio - before.maintenance_ratio)
                assert step.floor == before.cap
                assert step.leverage <= before.leverage
            assert step.cum == pytest.approx(cum, abs=Decimal("0.01"))


def check_trades(body: Any) -> None:
    for fill, item in zip(parse_user_trades(body), body, strict=True):
        assert isinstance(fill, Fill)
        assert (fill.trade_id, fill.order_id) == (int(item["id"]), int(item["orderId"]))
        assert (fill.fee, fill.realised) == (Decimal(item["commission"]), Decimal(item["realizedPnl"]))
        assert fill.fee > 0
        assert fill.price * fill.quantity == Decimal(item["quoteQty"])


def check_commission(body: Any) -> None:
    rates = parse_commission(body)
    assert rates.maker == Decimal(body["makerCommissionRate"])
    assert rates.maker < rates.taker


def check_symbol_config(body: Any) -> None:
    for item in body:
        settings = parse_symbol_settings(body, item["symbol"])
        assert (settings.leverage, settings.margin_type) == (item["leverage"], item["marginType"])


def check_position_mode(body: Any) -> None:
    assert parse_position_mode(body) is body["dualSidePosition"]


def check_time(body: Any) -> None:
    assert isinstance(body["serverTime"], int)


PARSED: dict[str, Callable[[Any], None]] = {
    "account_v2_2021": check_account,
    "account_v3_BTCUSDT_long": check_account,
    "account_v3_sanitised": check_account,
    "aster_docs_v4_account_legacy": check_account,
    "algoOrder_delete_variant_full_order": check_algo_order,
    "algoOrder_get_FINISHED": check_algo_order,
    "algoOrder_post_STOP_2025": check_algo_order,
    "aster_batchOrders_post": check_orders,
    "batchOrders_post_1": check_orders,
    "docs_batchOrders_delete": check_orders,
    "docs_batchOrders_post": check_orders,
    "aster_order_post_MARKET_ack": check_order,
    "docs_order_post": check_order,
    "docs_order_put": check_order,
    "openOrder_BTCUSDT_2024": check_order,
    "openOrder_LTCUSDT_postonly": check_order,
    "order_delete_XRPUSDT": check_order,
    "order_post_XRPUSDT": check_order,
    "order_put_BTCUSDT_2023": check_order,
    "aster_docs_positionRisk_v3_hedge": check_positions,
    "aster_docs_positionRisk_v3_one_way": check_positions,
    "docs_positionRisk_v2_hedge": check_positions,
    "docs_positionRisk_v2_one_way": check_positions,
    "positionRisk_2022_v2_shape": check_positions,
    "positionRisk_v3_WLDUSDT": check_positions,
    "aster_exchangeInfo_symbol_shape": check_exchange_info,
    "exchangeInfo_2021": check_exchange_info,
    "exchangeInfo_2026": check_exchange_info,
    "exchangeInfo_testnet_2022": check_exchange_info,
    "exchangeInfo_BTCUSDT_filters_2026": check_bare_filters,
    "docs_klines": check_klines,
    "docs_indexPriceKlines": check_minute_klines,
    "docs_markPriceKlines": check_minute_klines,
    "klines_2026": check_minute_klines,
    "docs_ticker_24hr": check_tickers,
    "ticker_24hr_2026_all": check_tickers,
    "docs_bookTicker": check_book_ticker,
    "aster_premiumIndex_BTCUSDT": check_premium_index,
    "docs_premiumIndex": check_premium_index,
    "premiumIndex_2026_all": check_premium_index,
    "aster_docs_fundingInfo": check_funding_info,
    "docs_fundingInfo": check_funding_info,
    "fundingInfo_2026": check_funding_info,
    "depth_SUSHIUSDT_1000": check_depth,
    "docs_leverageBracket": check_brackets,
    "leverageBracket_BTCUSDT": check_brackets,
    "leverageBracket_DOGEUSDT": check_brackets,
    "leverageBracket_SOLUSDT": check_brackets,
    "userTrades_BTCUSDT": check_trades,
    "userTrades_ETHUSDT": check_trades,
    "commissionRate_btcusdt": check_commission,
    "commissionRate_btcusdt_quarterly": check_commission,
    "commissionRate_ethusdt": check_commission,
    "symbolConfig": check_symbol_config,
    "docs_positionSide_dual": check_position_mode,
    "docs_accountConfig": check_position_mode,
    "time_2026": check_time,
}

_STATUS_ONLY = "only its success matters: the body repeats what was sent"
NOT_READ = {
    "aggTrades_2026": "trades are read from the stream only",
    "docs_aggTrades": "trades are read from the stream only",
    "algoOrder_delete_2025": "a cancel without the order: the client keeps the order it cancelled",
    "aster_docs_balance_v3": "balances come with the account",
    "balance_v2_2021": "balances come with the account",
    "aster_docs_chase_post": "chase orders are not used",
    "aster_docs_countdownCancelAll": "the countdown does not see conditional orders and would cancel our targets",
    "countdownCancelAll_post": "the countdown does not see conditional orders and would cancel our targets",
    "docs_fundingRate": "past funding is not an input",
    "fundingRate_2019_rows": "past funding is not an input",
    "constituents_BTCUSDT": "the index price itself is read, not its parts",
    "docs_adlQuantile": "deleveraging rank is not an input",
    "docs_marginType_post": _STATUS_ONLY,
    "docs_positionSide_dual_post": _STATUS_ONLY,
    "docs_positionMargin_post": "margin of single positions is not moved",
    "docs_rateLimit_order": "limits come with exchangeInfo, counts with every answer",
    "docs_ticker_price": "prices come from the book and the mark price",
    "openInterest_2026": "not offered by both venues",
}


def check_error(recording: dict[str, Any]) -> None:
    response = recording["response"]
    answer = read_answer(response["status"], response["headers"], orjson.dumps(response["body"]), every_503_unknown=False, now_ms=NOW_MS)
    assert answer.code == response["body"]["code"]
    assert answer.rule == RULES[answer.code] or response["status"] == 503
    request = recording["request"]
    order = request["method"] == "POST"
    error = error_for(Call(method=request["method"], path=request["path"], client_id="mr-x-e" if order else None), answer)
    assert isinstance(error, MrasterError)
    assert answer.reaction is not Reaction.REJECTED
    if "Retry-After" in response["headers"]:
        assert answer.retry_after_s == float(response["headers"]["Retry-After"])


@MISSING
@pytest.mark.recorded
@pytest.mark.parametrize("name", names("rest"))
def test_recorded_answer(name: str):
    recording = load("rest", name)
    if "error" in name.split("_"):
        check_error(recording)
    elif name in PARSED:
        PARSED[name](recording["response"]["body"])
    else:
        assert NOT_READ[name]


@MISSING
@pytest.mark.recorded
def test_tables_name_nothing_that_does_not_exist():
    assert not (set(PARSED) | set(NOT_READ)) - set(names("rest"))
    assert not set(PARSED) & set(NOT_READ)


@MISSING
@pytest.mark.recorded
@pytest.mark.parametrize("file", ["exchange_info.json", "exchange_info_aster.json"])
def test_whole_exchange_info(file: str):
    from tests.unit.exchange.recordings import read  # noqa: PLC0415

    check_exchange_info(orjson.loads(read("data", file)))


def test_income_of_both_venues():
    rows = [
        {
            "symbol": "ABCUSDT",
            "incomeType": "FUNDING_FEE",
            "income": "-0.0123",
            "asset": "USDT",
            "info": "",
            "time": 5,
            "tranId": 9,
            "tradeId": "",
        },
        {"symbol": "", "incomeType": "TRANSFER", "income": "10", "asset": "USDT", "info": "x", "time": 6, "tranId": "9a", "tradeId": "7"},
    ]
    first, second = parse_income(rows)
    assert (first.amount, first.transaction_id, first.symbol) == (Decimal("-0.0123"), "9", "ABCUSDT")
    assert (second.kind, second.transaction_id, second.trade_id) == ("TRANSFER", "9a", "7")


def test_order_without_average_price_takes_it_from_the_quote_total():
    body = {"symbol": "A", "orderId": 2**60, "clientOrderId": "mr-x-e", "side": "BUY", "type": "MARKET", "status": "FILLED"}
    body |= {"origQty": "2", "executedQty": "2", "cumQuote": "3.0"}
    order = parse_order(body)
    assert (order.average_price, order.order_id, order.type) == (Decimal("1.5"), 2**60, OrderType.MARKET)
    assert parse_order({**body, "cumQuote": None}).average_price is None
