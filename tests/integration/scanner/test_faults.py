"""What venues do to candles: late, twice, out of order, missing, and listings that cannot be traded."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from services.scanner.logic.market import Book
from shared.contracts.market import CandleClosed
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Reply, VenueServer
from tests.integration.scanner.market import BEGIN, LENGTH_MS, Market, close_of, idle, symbol_row
from tests.integration.scanner.rig import Running, World, by_symbol, scanning, settings_of

pytestmark = pytest.mark.integration


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    async with VenueServer() as server:
        yield Market(server, "AUSDT", "BUSDT")


def world_of(market: Market) -> World:
    return World(market.server.http_url)


def scanner(world: World, market: Market, **settings: str) -> AbstractAsyncContextManager[Running]:
    return scanning(world, settings_of(world.venue_url, ASTER_PAPER_WS_BASE=market.server.ws_url, **settings), settled=False)


def bars_of(world: World, symbol: str) -> list[int]:
    candles: list[CandleClosed] = by_symbol(world.stored("md.candle"))[symbol]
    assert all(candle.close == close_of(candle.open_ms // LENGTH_MS) for candle in candles)
    return [candle.open_ms // LENGTH_MS - BEGIN for candle in candles]


def published(world: World, symbol: str, bar: int) -> Callable[[], bool]:
    return lambda: bar in bars_of(world, symbol)


async def last_bar(running: Running, symbol: str) -> int:
    windows = running.scanner.board.windows
    return int(windows.last[windows.row[symbol]]) - BEGIN


async def test_a_close_that_the_stream_keeps_to_itself_is_read_over_rest(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market) as running:
        await market.push(market.frame("AUSDT", BEGIN))
        await market.push(market.book_frame("BUSDT", (BEGIN + 1) * LENGTH_MS + 6_000))
        await eventually(published(world, "BUSDT", 0), what="the silent symbol's candle")
        sources = {c.symbol: c.source for c, _ in world.stored("md.candle") if c.open_ms == BEGIN * LENGTH_MS}  # type: ignore[attr-defined]
        assert sources == {"AUSDT": "stream", "BUSDT": "rest"}
        assert running.metric("candles_repaired_total") == 1


async def test_repeated_and_disordered_candles_come_out_once_and_in_order(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market) as running:
        frames = [market.frame("AUSDT", BEGIN + n) for n in (0, 0, 2, 1, 0, 2, 1, 3)]
        await market.push(*frames)
        await eventually(published(world, "AUSDT", 3), what="the last candle")
        await idle(running)
        assert bars_of(world, "AUSDT") == [-1, 0, 1, 2, 3]
        assert running.metric("candles_ignored_total", cause="duplicate") >= 3


async def test_candles_that_are_missing_before_one_are_read_over_rest(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market) as running:
        await market.push(market.frame("AUSDT", BEGIN + 2), market.frame("BUSDT", BEGIN))
        await eventually(published(world, "AUSDT", 2), what="the candle after the gap")
        assert bars_of(world, "AUSDT") == [-1, 0, 1, 2]
        await eventually(published(world, "BUSDT", 1), what="what the other symbol missed, too")
        assert await last_bar(running, "AUSDT") == 2


async def test_a_gap_that_the_venue_cannot_fill_begins_the_history_anew(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market) as running:
        market.missing = {BEGIN + 1}
        await market.push(market.frame("AUSDT", BEGIN), market.frame("AUSDT", BEGIN + 2), market.frame("AUSDT", BEGIN + 3))
        await eventually(published(world, "AUSDT", 3), what="the candles after the hole")
        board = running.scanner.board
        rows = board.windows.rows_of(["AUSDT"])
        assert board.windows.bars(rows)[0] <= 2
        assert running.metric("histories_cut_total") == 1


async def test_contracts_that_cannot_be_traded_are_not_scanned(market: Market) -> None:
    market.rows += [symbol_row("CUSDT", status="SETTLING"), symbol_row("DUSDT", broken=True), symbol_row("EUSDC")]
    market.rows[-1] |= {"quoteAsset": "USDC", "baseAsset": "E"}
    world = world_of(market)
    async with scanner(world, market) as running:
        assert running.scanner.board.watched == ("AUSDT", "BUSDT")
        document = await running.ctx.state.get(running.ctx.keys.universe, "watched")
        assert document is not None
        assert document["symbols"] == ["AUSDT", "BUSDT"]


async def test_listings_come_and_go_without_a_restart(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market, ASTER_LOOP_SLEEP="1") as running:
        market.rows = [symbol_row("BUSDT"), symbol_row("NEWUSDT")]
        await eventually(lambda: running.scanner.board.watched == ("BUSDT", "NEWUSDT"), what="the new universe")
        await market.push(market.frame("NEWUSDT", BEGIN), market.frame("BUSDT", BEGIN))
        await eventually(published(world, "NEWUSDT", 0), what="the new symbol's candle")
        assert 0 not in bars_of(world, "AUSDT")


async def test_a_venue_that_says_stop_during_the_start_is_waited_for(market: Market) -> None:
    limit = Reply(429, {"code": -1003, "msg": "Too many requests"}, {"Retry-After": "1"})
    market.server.on("GET", "/fapi/v1/klines", limit, market.klines)
    world = world_of(market)
    async with scanner(world, market) as running:
        assert await last_bar(running, "AUSDT") == -1
        assert await last_bar(running, "BUSDT") == -1


async def test_after_a_lost_connection_the_candles_in_between_are_read(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market) as running:
        await (await market.subscribed("AUSDT")).close()
        market.frame("AUSDT", BEGIN)  # closes while nobody listens
        running.ctx.venue.clock.observe(market.time_ms)
        await eventually(published(world, "AUSDT", 0), within_s=20, what="the candle that nobody heard")
        assert bars_of(world, "AUSDT") == [-1, 0]


async def test_without_a_contract_to_scan_it_says_what_to_check(market: Market) -> None:
    world = world_of(market)
    with pytest.raises(BaseExceptionGroup) as failed:
        async with scanner(world, market, ASTER_QUOTE="EUR"):
            pass
    assert "ASTER_QUOTE" in str(failed.value.exceptions[0])


async def test_a_stream_that_says_nothing_at_all_is_replaced_by_rest(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market, ASTER_LOOP_SLEEP="1") as running:
        assert all(stream.open for stream in market.server.streams)  # connected, acknowledged, and silent
        market.time_ms = (BEGIN + 1) * LENGTH_MS + 6_000
        await running.ctx.venue.http.sync_clock()  # as the runtime does every ten seconds
        await eventually(lambda: {0} <= set(bars_of(world, "AUSDT")) & set(bars_of(world, "BUSDT")), what="both candles")
        board = running.scanner.board
        await eventually(lambda: board.books.newest("AUSDT").time_ms == market.time_ms, what="a fresh book")  # type: ignore[union-attr]
        assert {c.source for c, _ in world.stored("md.candle")} == {"rest"}  # type: ignore[attr-defined]


async def test_a_venue_that_says_stop_during_a_repair_is_asked_again(market: Market) -> None:
    world = world_of(market)
    async with scanner(world, market, ASTER_KLINE_CACHE_SEC="0") as running:
        limit = Reply(429, {"code": -1003, "msg": "Too many requests"}, {"Retry-After": "1"})
        market.server.on("GET", "/fapi/v1/klines", limit, limit, market.klines)
        await market.push(market.frame("AUSDT", BEGIN + 2), market.frame("BUSDT", BEGIN))
        await eventually(published(world, "AUSDT", 2), within_s=20, what="the candle after the gap")
        assert bars_of(world, "AUSDT") == [-1, 0, 1, 2]
        assert running.metric("histories_cut_total") == 0


async def test_stale_market_facts_stop_an_entry_and_say_so(market: Market) -> None:
    cross = BEGIN + 47  # the averages of this market cross here
    market.time_ms = cross * LENGTH_MS + 1_000
    world = world_of(market)
    async with scanner(world, market, ASTER_LOOP_SLEEP="3600") as running:
        board = running.scanner.board
        board.books.put("AUSDT", Book(99.99, 100.01), market.time_ms)
        await eventually(lambda: board.books.newest("BUSDT") is not None, what="books")
        board.books.forget("BUSDT")
        board.books.put("BUSDT", Book(99.99, 100.01), (cross - 1) * LENGTH_MS)
        await market.push(market.frame("AUSDT", cross), market.frame("BUSDT", cross))
        await eventually(lambda: world.stored("signal.skip") and len(bars_of(world, "AUSDT")) == 2, what="decisions")
    stale = [skip for skip, _ in world.stored("signal.skip") if skip.reason == "stale_data"]  # type: ignore[attr-defined]
    assert [(skip.symbol, skip.value, skip.limit) for skip in stale] == [("BUSDT", 2 * LENGTH_MS - 1, LENGTH_MS)]  # type: ignore[attr-defined]
