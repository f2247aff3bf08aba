"""A scanner that starts again: what the stream of candles has is not asked for, and what was read a moment ago neither."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import numpy as np
import pytest

from services.scanner.logic.frame import Frame
from services.scanner.logic.inbox import Closed
from services.scanner.published import candle_of, last_published, published
from services.scanner.scan import candle_message
from shared.domain.candle import Candle
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Reply, VenueServer
from tests.integration.scanner.market import BEGIN, LENGTH_MS, Market, idle
from tests.integration.scanner.rig import Running, World, by_symbol, context_of, scanning, settings_of

pytestmark = pytest.mark.integration

FRAME = Frame.of("5m", "30m")


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    async with VenueServer() as server:
        yield Market(server, "AUSDT", "BUSDT")


def scanner(world: World, market: Market, **settings: str) -> AbstractAsyncContextManager[Running]:
    return scanning(world, settings_of(world.venue_url, ASTER_PAPER_WS_BASE=market.server.ws_url, **settings), settled=False)


def candle_at(market: Market, symbol: str, bar: int, *, factor: float = 1.0) -> Candle:
    """The market's candle, or one of another market."""
    opened, o, h, lo, c, v, _, q, trades, *_ = market.row(bar)
    prices = [float(price) * factor for price in (o, h, lo, c)]
    return Candle(symbol, "5m", opened, *prices, float(v), float(q), trades)


async def publish(world: World, market: Market, bars: range, *, factor: float = 1.0) -> None:
    """What an earlier scanner has published."""
    ctx, bus, _ = await context_of(world, settings_of(world.venue_url, ASTER_PAPER_WS_BASE=market.server.ws_url), "before")
    for bar in bars:
        candles = [candle_at(market, symbol, bar, factor=factor) for symbol in market.symbols]
        await bus.publish_all([candle_message(Closed(candle, "stream", 0.0), FRAME.close_ms(bar)) for candle in candles])
    await bus.close()
    await ctx.venue.http.aclose()


def rows_asked(market: Market, symbol: str) -> int:
    """Candles that the venue was asked for."""
    return sum(
        int(asked.params["limit"]) for asked in market.server.asked_for("GET", "/fapi/v1/klines") if asked.params["symbol"] == symbol
    )


def state_of(running: Running, symbol: str) -> np.ndarray:
    windows = running.scanner.board.windows
    return windows.bank.reading(int(windows.last[windows.row[symbol]]), windows.rows_of([symbol]))


async def test_a_restart_reads_the_stream_first_and_the_venue_for_the_rest(market: Market) -> None:
    fresh, again = World(market.server.http_url), World(market.server.http_url)
    async with scanner(fresh, market) as running:
        whole = rows_asked(market, "AUSDT")
        expected = state_of(running, "AUSDT")
        assert running.metric("history_candles_total", source="stream") == 0
    await publish(again, market, range(BEGIN - 500, BEGIN))
    market.server.asked.clear()
    async with scanner(again, market) as running:
        asked = rows_asked(market, "AUSDT")
        assert asked == whole - 500 + 1  # the last published candle is compared with the venue's
        assert running.metric("history_candles_total", source="stream") == 2 * 500
        assert np.array_equal(state_of(running, "AUSDT"), expected, equal_nan=True)
        board = running.scanner.board
        assert board.windows.bars(board.windows.rows_of(["AUSDT", "BUSDT"])).tolist() == [whole, whole]
    assert len(again.stored("md.candle")) == 2 * 500  # nothing was published again


async def test_candles_of_another_market_are_not_mixed_in(market: Market) -> None:
    world = World(market.server.http_url)
    await publish(world, market, range(BEGIN - 500, BEGIN), factor=3.0)
    async with scanner(world, market) as running:
        assert running.metric("history_candles_total", source="stream") == 0
        board = running.scanner.board
        last = board.windows.ohlc(BEGIN - 1, board.windows.rows_of(["AUSDT"]))
        assert last.close[0] == candle_at(market, "AUSDT", BEGIN - 1).close


async def test_a_gap_in_the_stream_is_filled_by_the_venue(market: Market) -> None:
    world = World(market.server.http_url)
    await publish(world, market, range(BEGIN - 580, BEGIN - 520))
    await publish(world, market, range(BEGIN - 500, BEGIN - 2))
    async with scanner(world, market) as running:
        assert running.metric("history_candles_total", source="stream") == 2 * 498
        rows = running.scanner.board.windows.rows_of(["AUSDT"])
        assert int(running.scanner.board.windows.last[rows][0]) == BEGIN - 1
        assert np.isfinite(running.scanner.board.windows.closes(rows, 600, BEGIN - 1)[0]).all()
    published_bars = [c.open_ms // LENGTH_MS - BEGIN for c in by_symbol(world.stored("md.candle"))["AUSDT"]]
    assert published_bars[-2:] == [-2, -1]  # what nobody had published, and only that


async def test_a_restart_within_a_candle_publishes_it_once_when_it_closes(market: Market) -> None:
    world = World(market.server.http_url)
    half = market.frame("AUSDT", BEGIN)
    half["k"] |= {"x": False, "c": "1.00"}
    market.time_ms = BEGIN * LENGTH_MS + 150_000
    async with scanner(world, market) as running:
        await market.push({**half, "E": market.time_ms})
        await idle(running)
    async with scanner(world, market) as running:
        await market.push({**half, "E": market.time_ms})
        await idle(running)
        assert int(running.scanner.board.windows.last[0]) == BEGIN - 1
        await market.push(market.frame("AUSDT", BEGIN))
        await eventually(lambda: len(by_symbol(world.stored("md.candle"))["AUSDT"]) == 2, what="the close")
    first, second = by_symbol(world.stored("md.candle"))["AUSDT"]
    assert (first.open_ms, second.open_ms) == ((BEGIN - 1) * LENGTH_MS, BEGIN * LENGTH_MS)
    assert second.close == candle_at(market, "AUSDT", BEGIN).close


@pytest.mark.parametrize(("seconds", "asks_again"), [("45", False), ("0", True)])
async def test_candles_read_a_moment_ago_are_not_asked_for_again(market: Market, seconds: str, *, asks_again: bool) -> None:
    world = World(market.server.http_url)
    async with scanner(world, market, ASTER_KLINE_CACHE_SEC=seconds) as running:
        klines = running.scanner.feed.klines
        before = len(market.server.asked_for("GET", "/fapi/v1/klines"))
        found = await klines.read("AUSDT", BEGIN - 50, BEGIN - 1)
        assert [c.open_ms // LENGTH_MS - BEGIN for c in found] == list(range(-50, 0))
        assert found[-1] == candle_at(market, "AUSDT", BEGIN - 1)
        assert (len(market.server.asked_for("GET", "/fapi/v1/klines")) > before) is asks_again


async def test_what_the_venue_did_not_have_is_asked_for_again(market: Market) -> None:
    world = World(market.server.http_url)
    market.missing = {BEGIN - 3}
    async with scanner(world, market) as running:
        market.missing = set()
        before = len(market.server.asked_for("GET", "/fapi/v1/klines"))
        found = await running.scanner.feed.klines.read("AUSDT", BEGIN - 50, BEGIN - 1)
        assert len(found) == 50
        (asked,) = market.server.asked_for("GET", "/fapi/v1/klines")[before:]
        assert (asked.params["limit"], asked.params["startTime"]) == ("1", str((BEGIN - 3) * LENGTH_MS))


async def test_the_stream_of_candles_can_be_read_by_name_and_as_a_whole(market: Market) -> None:
    world = World(market.server.http_url)
    await publish(world, market, range(BEGIN - 5, BEGIN))
    ctx, bus, _ = await context_of(world, settings_of(world.venue_url, ASTER_PAPER_WS_BASE=market.server.ws_url), "reader")
    many = [f"S{n}USDT" for n in range(60)]
    for symbols in (["AUSDT"], ["AUSDT", *many]):
        assert await last_published(bus, FRAME, symbols) == {"AUSDT": BEGIN - 1}
    found = await published(bus, FRAME, {"AUSDT": BEGIN - 1}, 0)
    assert list(found) == ["AUSDT"]
    assert found["AUSDT"] == {bar: candle_at(market, "AUSDT", bar) for bar in range(BEGIN - 5, BEGIN)}
    assert candle_of(world.stored("md.candle")[0][0]).symbol == "AUSDT"  # type: ignore[arg-type]
    await bus.close()
    await ctx.venue.http.aclose()


async def test_funding_intervals_come_from_the_venue(market: Market) -> None:
    market.funding = [{"symbol": "AUSDT", "fundingIntervalHours": 4}]
    world = World(market.server.http_url)
    async with scanner(world, market) as running:
        board = running.scanner.board
        facts = board.snapshot(board.windows.rows_of(["AUSDT", "BUSDT"]), BEGIN - 1, or_later=True)
        assert facts.funding_interval_ms.tolist() == [4 * 3_600_000, 8 * 3_600_000]


async def test_a_venue_without_funding_intervals_does_not_stop_the_start(market: Market) -> None:
    market.server.on("GET", "/fapi/v1/fundingInfo", Reply(404, {"code": -5000, "msg": "no such path"}))
    world = World(market.server.http_url)
    async with scanner(world, market) as running:
        assert running.scanner.board.watched == ("AUSDT", "BUSDT")
