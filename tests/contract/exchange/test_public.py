"""Market data over real HTTP."""

import pytest

from shared.domain.errors import ContractViolation, UnknownInstrument
from tests.contract.exchange.conftest import Rig
from tests.fakes.venue_server import Reply

MINUTE = 60_000
NOW_MS = 1_760_000_040_000


def kline(open_ms: int) -> list[object]:
    return [open_ms, "1", "2", "0.5", "1.5", "10", open_ms + MINUTE - 1, "15", 3, "5", "7", "0"]


async def frozen(rig: Rig, now_ms: int) -> None:
    """Venue time stands still."""
    rig.server.on("GET", "/fapi/v1/time", Reply(body={"serverTime": now_ms}, headers={"X-MRASTER-SPEED": "0"}))
    await rig.http.sync_clock()


async def test_open_candle_is_left_out_by_venue_time(rig: Rig):
    await frozen(rig, NOW_MS + 30_000)
    rig.server.on("GET", "/fapi/v1/klines", Reply(body=[kline(NOW_MS - MINUTE), kline(NOW_MS)]))
    candles = await rig.public.klines("ABCUSDT", "1m", limit=2, start_ms=NOW_MS - MINUTE)
    assert [candle.open_ms for candle in candles] == [NOW_MS - MINUTE]
    assert rig.server.asked[-1].params == {"symbol": "ABCUSDT", "interval": "1m", "limit": "2", "startTime": str(NOW_MS - MINUTE)}
    await frozen(rig, NOW_MS + MINUTE)
    assert len(await rig.public.klines("ABCUSDT", "1m", limit=2)) == 2


async def test_candle_that_closes_in_this_very_millisecond_is_still_open(rig: Rig):
    await frozen(rig, NOW_MS + MINUTE - 1)
    rig.server.on("GET", "/fapi/v1/klines", Reply(body=[kline(NOW_MS)]))
    assert await rig.public.klines("ABCUSDT", "1m", limit=1) == []


@pytest.mark.parametrize(("interval", "limit"), [("7m", 10), ("1m", 0), ("1m", 1501)])
async def test_impossible_questions_are_not_asked(rig: Rig, interval: str, limit: int):
    with pytest.raises(ValueError, match=r"unknown interval|expected a limit"):
        await rig.public.klines("ABCUSDT", interval, limit=limit)
    with pytest.raises(ValueError, match="expected a limit"):
        await rig.public.depth("ABCUSDT", limit=7)
    assert rig.server.asked == []


async def test_unknown_symbol(rig: Rig):
    rig.server.on("GET", "/fapi/v1/klines", Reply(400, {"code": -1121, "msg": "Invalid symbol."}))
    with pytest.raises(UnknownInstrument):
        await rig.public.klines("NOPE", "1m", limit=1)


async def test_exchange_info_brings_contracts_and_limits(rig: Rig, caplog: pytest.LogCaptureFixture):
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "100", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "1000", "stepSize": "1"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
    ]
    symbol = {
        "symbol": "ABCUSDT",
        "contractType": "PERPETUAL",
        "status": "SETTLING",
        "baseAsset": "ABC",
        "quoteAsset": "USDT",
        "filters": filters,
    }
    limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 10},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ]
    rows = [symbol, {**symbol, "symbol": "DELIVERY", "contractType": "CURRENT_QUARTER"}, {**symbol, "symbol": "ODD", "filters": []}]
    rig.server.on("GET", "/fapi/v1/exchangeInfo", Reply(body={"symbols": rows, "rateLimits": limits}))
    instruments = await rig.public.exchange_info()
    assert list(instruments) == ["ABCUSDT"]
    assert not instruments["ABCUSDT"].trading
    assert "ODD" in caplog.text
    assert rig.http.limiter._weight.limit == 10


async def test_all_symbols_at_once(rig: Rig):
    ticker = {"symbol": "A", "lastPrice": "2", "openPrice": "1", "highPrice": "2", "lowPrice": "1", "priceChangePercent": "100"}
    ticker |= {"volume": "5", "quoteVolume": "7", "count": 3, "closeTime": 9}
    rig.server.on("GET", "/fapi/v1/ticker/24hr", Reply(body=[ticker]))
    rig.server.on(
        "GET",
        "/fapi/v1/ticker/bookTicker",
        Reply(body=[{"symbol": "A", "bidPrice": "1", "bidQty": "2", "askPrice": "3", "askQty": "4", "time": 9}]),
    )
    mark = {"symbol": "A", "markPrice": "2", "indexPrice": "2.1", "lastFundingRate": "", "nextFundingTime": 0, "time": 9}
    rig.server.on("GET", "/fapi/v1/premiumIndex", Reply(body=[mark]))
    rig.server.on("GET", "/fapi/v1/depth", Reply(body={"lastUpdateId": 5, "T": 9, "bids": [["1", "2"]], "asks": [["3", "4"]]}))
    assert (await rig.public.tickers_24h())[0].change_ratio == 1.0
    assert (await rig.public.book_tickers())[0].ask_qty == 4.0
    assert (await rig.public.premium_index())[0].funding_rate == 0.0
    assert (await rig.public.depth("A")).asks == ((3.0, 4.0),)
    assert rig.http.limiter.used_weight == 40 + 5 + 10 + 2


async def test_server_time_brings_the_clock_along(rig: Rig):
    now_ms = await rig.public.server_time()
    assert abs(now_ms - rig.clock.wall_ms()) < 5000
    assert rig.clock.offset_ms is not None
    assert abs(rig.clock.offset_ms) < 1000


async def test_one_odd_row_does_not_hide_the_others(rig: Rig, caplog: pytest.LogCaptureFixture):
    mark = {"symbol": "A", "markPrice": "2", "indexPrice": "2.1", "lastFundingRate": "0.1", "nextFundingTime": 0, "time": 9}
    rig.server.on("GET", "/fapi/v1/premiumIndex", Reply(body=[{**mark, "markPrice": ""}, mark]), Reply(body=[{**mark, "markPrice": ""}]))
    assert [value.symbol for value in await rig.public.premium_index()] == ["A"]
    assert "markPrice" in caplog.text
    with pytest.raises(ContractViolation, match="markPrice"):
        await rig.public.premium_index()


async def test_funding_intervals_by_symbol_with_odd_rows_left_out(rig: Rig, caplog: pytest.LogCaptureFixture):
    row = {"symbol": "ABCUSDT", "adjustedFundingRateCap": "0.02", "adjustedFundingRateFloor": "-0.02", "updateTime": None}
    other = {"symbol": "XYZUSDT", "fundingIntervalHours": 1, "fundingFeeCap": 0.02, "fundingFeeFloor": None}
    odd = [{"symbol": "ODD"}, {"symbol": "ZERO", "fundingIntervalHours": 0}]
    rig.server.on("GET", "/fapi/v1/fundingInfo", Reply(body=[{**row, "fundingIntervalHours": 4}, other, *odd]))
    assert await rig.public.funding_info() == {"ABCUSDT": 4 * 3_600_000, "XYZUSDT": 3_600_000}
    assert "fundingIntervalHours" in caplog.text
    rig.server.on("GET", "/fapi/v1/fundingInfo", Reply(body=[]))
    assert await rig.public.funding_info() == {}
    rig.server.on("GET", "/fapi/v1/fundingInfo", Reply(body={"not": "rows"}))
    with pytest.raises(ContractViolation):
        await rig.public.funding_info()
