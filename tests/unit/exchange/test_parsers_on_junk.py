"""Whatever a venue sends: a value, or a ContractViolation that names the field. Nothing else."""

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import ContractViolation, Permanent
from shared.exchange.fields import decimal, flag, number, text, whole
from shared.exchange.parse_account import (
    parse_account,
    parse_brackets,
    parse_commission,
    parse_income,
    parse_leverage,
    parse_listen_key,
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
from shared.exchange.parse_stream import Control, parse_market_event, unwrap
from shared.exchange.parse_user import parse_user_event
from shared.exchange.verdict import is_refusal, read_answer

PARSERS: list[Callable[[Any], object]] = [
    parse_order,
    parse_algo_order,
    parse_user_trades,
    parse_positions,
    lambda body: parse_account(body, "USDT", 1),
    parse_income,
    parse_brackets,
    parse_commission,
    parse_leverage,
    parse_listen_key,
    parse_position_mode,
    lambda body: parse_symbol_settings(body, "A"),
    parse_exchange_info,
    lambda body: parse_klines(body, "A", "1m"),
    parse_tickers,
    parse_book_tickers,
    parse_premium_index,
    lambda body: parse_depth(body, "A"),
    parse_funding_info,
]
FIELDS = ["symbol", "orderId", "status", "origQty", "executedQty", "type", "side", "price", "assets", "asset", "symbols", "filters"]
FIELDS += ["positionAmt", "brackets", "leverage", "bids", "asks", "lastUpdateId", "contractType", "rateLimits", "algoId", "quantity"]
EVENT_FIELDS = [
    "e",
    "E",
    "T",
    "o",
    "k",
    "a",
    "s",
    "p",
    "x",
    "X",
    "i",
    "q",
    "z",
    "l",
    "n",
    "N",
    "ac",
    "ai",
    "B",
    "P",
    "S",
    "st",
    "data",
    "stream",
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        ["1.5", "0", "-3", "NaN", "Infinity", "BUY", "NEW", "MARKET", "PERPETUAL", "ORDER_TRADE_UPDATE", "kline", "ALGO_UPDATE"]
    ),
)


def json_like(fields: list[str]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(fields), st.text(max_size=3))
    return st.recursive(VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=8), max_leaves=25)


@given(json_like(FIELDS))
def test_rest_parsers_take_anything(body: Any):
    for parse in PARSERS:
        try:
            parse(body)
        except (ContractViolation, Permanent):
            continue


@given(json_like(EVENT_FIELDS))
def test_stream_parsers_take_anything(body: Any):
    try:
        content = unwrap(orjson.dumps(body)) if _is_json(body) else Control("", None, "")
    except ContractViolation:
        return
    if isinstance(content, Control):
        return
    for item in content.items:
        for parse in (parse_market_event, parse_user_event):
            try:
                parse(item)
            except ContractViolation:
                continue


@given(st.binary(max_size=40))
def test_frames_and_bodies_of_any_bytes(raw: bytes):
    answer = read_answer(400, {}, raw, every_503_unknown=False, now_ms=0)
    assert len(answer.message) <= 200
    with contextlib.suppress(ContractViolation):
        unwrap(raw)


@given(json_like(["code", "msg"]))
def test_any_payload_is_judged(body: Any):
    assert is_refusal(body) in {True, False}
    if _is_json(body):
        read_answer(400, {}, orjson.dumps(body), every_503_unknown=False, now_ms=0)


def _is_json(body: Any) -> bool:
    try:
        orjson.dumps(body)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("value", ["", "abc", "NaN", "Infinity", None, True, [], {}, float("nan")])
def test_odd_numbers_name_their_field(value: object):
    for read in (decimal, number):
        if read is number and value is True:
            continue
        with pytest.raises(ContractViolation, match=r"thing: field 'x'"):
            read({"x": value}, "x", "thing")


@pytest.mark.parametrize(("read", "value"), [(whole, "1.5"), (whole, True), (whole, 1.0), (text, ""), (text, 5), (flag, "yes"), (flag, 1)])
def test_wrong_types_name_their_field(read: Callable[[Any, str, str], object], value: object):
    with pytest.raises(ContractViolation, match=r"thing: field 'x' is"):
        read({"x": value}, "x", "thing")
    with pytest.raises(ContractViolation, match=r"thing: field 'x' is missing"):
        read({}, "x", "thing")


def test_numbers_keep_every_digit():
    assert decimal({"x": "0.10"}, "x", "t") == Decimal("0.10")
    assert decimal({"x": 0.0065}, "x", "t") == Decimal("0.0065")
    assert whole({"x": "8389765739703625592"}, "x", "t") == 8389765739703625592


def test_one_odd_contract_does_not_hide_the_others():
    good = {
        "symbol": "AUSDT",
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "A",
        "quoteAsset": "USDT",
        "pricePrecision": 3,
        "quantityPrecision": 0,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "0", "tickSize": "0"},
            {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "1000", "stepSize": "1"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
        ],
    }
    rows = [
        good,
        {**good, "symbol": "BUSDT", "filters": good["filters"][:2]},
        {k: v for k, v in good.items() if k != "baseAsset"} | {"symbol": "C"},
    ]
    info = parse_exchange_info({"symbols": rows})
    assert list(info.instruments) == ["AUSDT"]
    assert [symbol for symbol, _ in info.skipped] == ["BUSDT", "C"]
    assert "PERCENT_PRICE" in info.skipped[0][1]
    instrument = info.instruments["AUSDT"]
    assert (instrument.tick, instrument.market_max_qty) == (Decimal("0.001"), Decimal(1000))
    assert instrument.max_price > 10**9
