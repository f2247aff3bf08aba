"""A live mirror whose upstream is recorded, broken, busy or gone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.paper_exchange.live_prices import FRESH_MS, QUIET_MS
from services.paper_exchange.live_start import build_live
from services.paper_exchange.options import MarketKind, Options
from services.paper_exchange.store import Store
from shared.domain.errors import ConfigError
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Reply, VenueServer
from tests.integration.data.scripted import contract
from tests.integration.paper_exchange.upstream import Mirror, answer_everything, mirrored, recorded_frames
from tests.unit.paper_exchange.asgi import StillWall

pytestmark = pytest.mark.integration
STALE = -4140


@pytest.fixture
async def server() -> AsyncIterator[VenueServer]:
    async with VenueServer() as running:
        answer_everything(running, ("BTCUSDT", "ETHUSDT"))
        yield running


@pytest.fixture
async def mirror(server: VenueServer) -> AsyncIterator[Mirror]:
    async with mirrored(server) as running:
        yield running


def book(bid: str = "28000.0", ask: str = "28000.1", symbol: str = "BTCUSDT") -> dict[str, Any]:
    return {"stream": f"{symbol.lower()}@bookTicker", "data": {"e": "bookTicker", "s": symbol, "b": bid, "B": "5", "a": ask, "A": "5"}}


def mark(price: str = "28000.0", symbol: str = "BTCUSDT") -> dict[str, Any]:
    row = {"e": "markPriceUpdate", "s": symbol, "p": price, "r": "0.0001", "T": StillWall().now_ms + 3_600_000}
    return {"stream": "!markPrice@arr@1s", "data": [row]}


async def buy(mirror: Mirror, symbol: str = "BTCUSDT", **more: Any) -> tuple[int, Any]:
    words = {"symbol": symbol, "side": "BUY", "type": "MARKET", "quantity": "0.1", "newOrderRespType": "RESULT", **more}
    status, body, _ = await mirror.call("POST", "/fapi/v1/order", signed=True, **words)
    return status, body


def no_books(server: VenueServer) -> None:
    """The upstream's REST does not help: what counts is what the streams said."""
    server.on("GET", "/fapi/v1/depth", Reply(503, b"<html>busy</html>"))


@pytest.mark.recorded
async def test_recorded_frames_pass_unchanged_and_orders_meet_the_recorded_book(mirror: Mirror, recordings: Path) -> None:
    frames = list(recorded_frames(recordings / "data" / "ws_raw_btcusdt_20230405.dat.gz", 4000))
    names = {frame["stream"] for frame in frames}
    mirror.listen(*names)
    no_books(mirror.server)
    await mirror.push(*frames)
    passed = [json.loads(text) for text in mirror.client.queue if '"stream":"end"' not in text]
    assert passed == frames
    best = [frame["data"] for frame in frames if frame["data"]["e"] == "bookTicker"][-1]
    seen = [frame["data"] for frame in frames if frame["data"]["e"] == "markPriceUpdate"][-1]
    quote = mirror.market.prices.quote("BTCUSDT")
    assert quote is not None
    assert (str(quote.bid), str(quote.ask), str(quote.mark)) == (best["b"], best["a"], seen["p"])
    status, order = await buy(mirror)
    assert (status, float(order["avgPrice"])) == (200, float(best["a"]))
    assert mirror.status()["bad_frames"] == 0


@pytest.mark.recorded
async def test_frames_of_the_other_recordings_do_no_harm(mirror: Mirror, recordings: Path) -> None:
    """Every public frame that was ever recorded, as raw text and wrapped."""
    for path in sorted((recordings / "fixtures" / "ws").glob("*.json")):
        for frame in json.loads(path.read_text())["frames"]:
            await mirror.push(frame, {"stream": "btcusdt@aggTrade", "data": frame})
    assert mirror.status()["connected"]


async def test_stale_prices_take_no_orders_until_they_move_again(mirror: Mirror) -> None:
    no_books(mirror.server)
    await mirror.push(book(), mark())
    assert mirror.status()["state"] == "running"
    mirror.wall.now_ms += FRESH_MS + 1
    status = mirror.status()
    assert (status["state"], status["staleness"]["stale_symbols"]) == ("stale", ["BTCUSDT", "ETHUSDT"])
    assert (await buy(mirror))[1]["code"] == STALE
    await mirror.push(book("28100.0", "28100.1"))
    status = mirror.status()
    assert (status["state"], status["staleness"]["stale_symbols"]) == ("running", ["ETHUSDT"])
    code, order = await buy(mirror)
    assert (code, float(order["avgPrice"])) == (200, 28100.1)
    assert (await buy(mirror, "ETHUSDT"))[1]["code"] == STALE


async def test_a_moving_mark_alone_does_not_keep_an_old_book_alive(mirror: Mirror) -> None:
    no_books(mirror.server)
    for _ in range(QUIET_MS // 10_000 + 1):
        mirror.wall.now_ms += 10_000
        await mirror.push(mark())
    assert (await buy(mirror))[1]["code"] == STALE
    # the upstream's REST has the book: one look before the order makes it good
    mirror.server.on("GET", "/fapi/v1/depth", Reply(body={"bids": [["27990.0", "5"]], "asks": [["27990.1", "5"]]}))
    mirror.wall.now_ms += 2_000
    await mirror.push(mark())
    assert float((await buy(mirror))[1]["avgPrice"]) == 27990.1


GARBAGE: list[object] = [
    b"not json",
    b"{",
    [],
    5,
    None,
    {"stream": 7, "data": {}},
    {"stream": "btcusdt@bookTicker"},
    {"stream": "btcusdt@bookTicker", "data": None},
    {"stream": "btcusdt@bookTicker", "data": 5},
    {"stream": "!markPrice@arr@1s", "data": [1, "x", None]},
    {"stream": "btcusdt@bookTicker", "data": {"e": "bookTicker"}},
    {"stream": "btcusdt@bookTicker", "data": {"e": "bookTicker", "s": ["BTCUSDT"]}},
    {"stream": "btcusdt@bookTicker", "data": {"e": "bookTicker", "s": "BTCUSDT", "b": "1", "a": "2"}},
    book("abc", "28000.1"),
    book("NaN", "28000.1"),
    book("-1", "28000.1"),
    book("0", "0"),
    book("1e99999", "1e999999"),
    book("28000.2", "28000.1"),
    mark("Infinity"),
    mark("0"),
    {"stream": "!markPrice@arr@1s", "data": [{"e": "markPriceUpdate", "s": "BTCUSDT"}]},
    {"stream": "!markPrice@arr@1s", "data": [{"e": "markPriceUpdate", "s": "BTCUSDT", "p": "1", "r": "NaN", "T": "soon"}]},
    {"stream": "!miniTicker@arr", "data": [{"e": "24hrMiniTicker", "s": "BTCUSDT", "c": {}}]},
    {"stream": "!miniTicker@arr", "data": {"e": "24hrMiniTicker", "s": "BTCUSDT", "c": ""}},
    {"stream": "x" * 5000, "data": {"e": "unheard"}},
]


async def test_garbage_changes_no_price_and_ends_nothing(mirror: Mirror) -> None:
    await mirror.push(book(), mark())
    before = mirror.market.prices.quote("BTCUSDT")
    for frame in GARBAGE:
        await mirror.push(frame)
        after = mirror.market.prices.quote("BTCUSDT")
        assert after == before, frame
    assert mirror.status()["bad_frames"] >= 15
    assert mirror.status()["connected"]
    await mirror.push(book("28200.0", "28200.1"))
    assert float((await buy(mirror))[1]["avgPrice"]) == 28200.1


async def test_one_bad_row_does_not_take_the_others_with_it(mirror: Mirror) -> None:
    good = {"e": "markPriceUpdate", "s": "ETHUSDT", "p": "1900.5", "r": "0.0001", "T": 1}
    await mirror.push({"stream": "!markPrice@arr@1s", "data": [{"e": "markPriceUpdate", "s": "BTCUSDT", "p": "?"}, good]})
    assert str(mirror.market.prices.prices["ETHUSDT"].mark) == "1900.5"


async def test_a_lost_connection_is_made_again_and_what_was_followed_is_followed(mirror: Mirror) -> None:
    mirror.listen("btcusdt@kline_1m", "ethusdt@aggTrade")
    first = mirror.stream
    await eventually(lambda: {"btcusdt@kline_1m", "ethusdt@aggTrade"} <= first.subscribed)
    await first.close(1001, "maintenance")
    wanted = {"btcusdt@kline_1m", "ethusdt@aggTrade", "!markPrice@arr@1s", "!miniTicker@arr"}
    await eventually(lambda: mirror.stream is not first and wanted <= mirror.stream.subscribed, within_s=15)
    await mirror.push(book("28300.0", "28300.1"))
    assert mirror.status()["connected"]
    assert float((await buy(mirror))[1]["avgPrice"]) == 28300.1


async def test_after_a_429_the_upstream_is_left_alone(mirror: Mirror) -> None:
    path = "/fapi/v1/klines"
    limited = Reply(429, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "1"})
    mirror.server.on("GET", path, limited, Reply(body=[]))
    for query in ("symbol=BTCUSDT&interval=1m", "symbol=ETHUSDT&interval=1m", "symbol=ETHUSDT&interval=5m"):
        status, body, headers = await mirror.call("GET", path, query)
        assert (status, body["code"], headers["retry-after"]) == (429, -1003, "1")
    assert len(mirror.server.asked_for("GET", path)) == 1
    # an order needs a look at the book: none is taken now, and the book that the stream brought is used
    await mirror.push(book("28400.0", "28400.1"))
    mirror.wall.now_ms += 3_000
    assert float((await buy(mirror))[1]["avgPrice"]) == 28400.1
    assert mirror.server.asked_for("GET", "/fapi/v1/depth") == []

    async def again() -> bool:
        return (await mirror.call("GET", path, "symbol=BTCUSDT&interval=1m"))[0] == 200

    await eventually(again, within_s=10, every_s=0.1)


async def test_answers_that_are_no_json_are_the_venues_own_error(mirror: Mirror) -> None:
    mirror.server.on("GET", "/fapi/v1/depth", Reply(200, b"<html>hello</html>"))
    status, body, _ = await mirror.call("GET", "/fapi/v1/depth", "symbol=BTCUSDT")
    assert (status, body["code"]) == (503, -1001)
    mirror.server.on("GET", "/fapi/v1/depth", Reply(cut=True))
    status, body, _ = await mirror.call("GET", "/fapi/v1/depth", "symbol=ETHUSDT")
    assert (status, body["code"]) == (503, -1001)


async def test_orders_walk_the_upstreams_book(mirror: Mirror) -> None:
    asks = [["28000.1", "0.3"], ["28000.5", "0.5"], ["28003.0", "9"]]
    mirror.server.on("GET", "/fapi/v1/depth", Reply(body={"bids": [["28000.0", "1"], ["27999.0", "4"]], "asks": asks}))
    await buy(mirror, quantity="1")
    trades = (await mirror.call("GET", "/fapi/v1/userTrades", signed=True, symbol="BTCUSDT"))[1]
    assert [(float(row["price"]), float(row["qty"])) for row in trades] == [(28000.1, 0.3), (28000.5, 0.5), (28003.0, 0.2)]
    # the best ask has moved since: that book is no longer the present one
    mirror.server.on("GET", "/fapi/v1/depth", Reply(503, b""))
    await mirror.push(book("28000.4", "28000.5"))
    assert float((await buy(mirror, quantity="0.1"))[1]["avgPrice"]) == 28000.5


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"bids": [], "asks": []},
        {"bids": [["1", "1"]], "asks": [["x", "1"]]},
        {"bids": [["2", "1"]], "asks": [["1", "1"]]},
        {"bids": [["1", "1"], ["2", "1"]], "asks": [["3", "1"]]},
        {"bids": [[]], "asks": [5]},
    ],
)
async def test_a_book_that_is_none_is_not_used(mirror: Mirror, body: object) -> None:
    mirror.server.on("GET", "/fapi/v1/depth", Reply(body=body))
    await mirror.push(book("28000.0", "28000.1"))
    assert float((await buy(mirror))[1]["avgPrice"]) == 28000.1
    assert mirror.status()["bad_frames"] == 1


async def test_a_delisted_contract_takes_no_orders_but_lets_positions_go(mirror: Mirror) -> None:
    await mirror.push(book(), mark())
    await buy(mirror, quantity="0.2")
    look = mirror.market.look_again
    assert look is not None
    answer_everything(mirror.server, ("ETHUSDT", "NEWUSDT"), "1900.00")
    mirror.market.upstream.rest._cache.clear()
    await look()
    status, refused = await buy(mirror)
    assert (status, refused["code"]) == (400, STALE)
    no_books(mirror.server)
    await mirror.push(book("27000.0", "27000.1"))
    closed = await buy(mirror, side="SELL", reduceOnly="true", quantity="0.2")
    assert (closed[0], float(closed[1]["avgPrice"])) == (200, 27000.0)
    # and the one that was listed in the meantime is there
    assert (await buy(mirror, "NEWUSDT", quantity="1"))[1]["status"] == "FILLED"


@pytest.mark.parametrize(
    ("what", "params"), [("pause", {}), ("resume", {}), ("speed", {"speed": "5"}), ("seek", {"time": "9999999999999"})]
)
async def test_a_live_market_is_not_paused_or_moved(mirror: Mirror, what: str, params: dict[str, str]) -> None:
    status, body, _ = await mirror.call("POST", f"/paper/v1/{what}", signed=True, **params)
    assert (status, body["msg"]) == (400, "A live market cannot be paused, sped up or moved.")


async def test_an_empty_list_of_contracts_is_not_believed(mirror: Mirror) -> None:
    look = mirror.market.look_again
    assert look is not None
    mirror.server.on("GET", "/fapi/v1/exchangeInfo", Reply(body={"symbols": []}))
    with pytest.raises(ConfigError, match="not believed"):
        await look()
    await mirror.push(book(), mark())
    assert (await buy(mirror))[1]["status"] == "FILLED"


@pytest.mark.parametrize(
    ("path", "reply", "said"),
    [
        ("exchangeInfo", Reply(body={"hello": 1}), "lists no contracts"),
        ("exchangeInfo", Reply(body=[]), "lists no contracts"),
        ("exchangeInfo", Reply(200, b"<html>"), "does not answer"),
        ("exchangeInfo", Reply(429, {"code": -1003, "msg": "x"}), "does not answer"),
        ("time", Reply(body={}), "does not tell its time"),
    ],
)
async def test_an_upstream_that_is_none_is_named_at_the_start(server: VenueServer, path: str, reply: Reply, said: str) -> None:
    server.on("GET", f"/fapi/v1/{path}", reply)
    options = Options(market=MarketKind.LIVE, upstream=server.http_url, upstream_stream=server.ws_url)
    store = Store(None)
    with pytest.raises(ConfigError, match=said):
        await build_live(options, store, StillWall())
    store.close()


async def test_odd_rows_leave_out_one_contract_only(server: VenueServer) -> None:
    odd = {**contract("ODDUSDT"), "filters": [{"filterType": "PRICE_FILTER"}]}
    server.on("GET", "/fapi/v1/exchangeInfo", Reply(body={"symbols": [odd, contract("BTCUSDT"), {"symbol": "NOTHING"}]}))
    bad = {"symbol": "ETHUSDT", "markPrice": "x", "lastFundingRate": "", "nextFundingTime": ""}
    good = {"symbol": "BTCUSDT", "markPrice": "28000", "lastFundingRate": "", "nextFundingTime": 0}
    server.on("GET", "/fapi/v1/premiumIndex", Reply(body=[bad, good, 5]))
    async with mirrored(server) as mirror:
        assert list(mirror.market.prices.rules) == ["BTCUSDT"]
        assert (await buy(mirror))[1]["status"] == "FILLED"
