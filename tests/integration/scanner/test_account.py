"""What the account holds and how the user runs it: correlated positions over several scanners, AI mode, run once, housekeeping."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from shared.contracts.signal import Candidate, Setup, Skip
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import VenueServer
from tests.integration.scanner.market import BEGIN, LENGTH_MS, Market, close_of
from tests.integration.scanner.rig import Running, World, scanning, settings_of

pytestmark = pytest.mark.integration

SYMBOLS = tuple(f"{letter}USDT" for letter in "ABCDEFGH")
OPEN_FILTERS = {"ASTER_MIN_EDGE_R": "-5", "ASTER_NON_ARB_FILTER_ENABLED": "false", "ASTER_FUNDING_FILTER_ENABLED": "false"}
CROSS = BEGIN + 47
"""The candle in which the market's averages cross upwards."""


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    async with VenueServer() as server:
        yield Market(server, *SYMBOLS)


def scanner(world: World, market: Market, instance: str = "a", **settings: str) -> AbstractAsyncContextManager[Running]:
    chosen = settings_of(world.venue_url, ASTER_PAPER_WS_BASE=market.server.ws_url, **{**OPEN_FILTERS, **settings})
    return scanning(world, chosen, instance, settled=False)


def decided(world: World) -> list[Candidate | Skip]:
    found = [payload for kind in ("signal.candidate", "signal.skip") for payload, _ in world.stored(kind)]
    return [payload for payload in found if isinstance(payload, Candidate | Skip)]


def at(world: World, bar: int) -> Callable[[], bool]:
    """Every symbol's candle is published."""
    return lambda: sum(c.open_ms == bar * LENGTH_MS for c, _ in world.stored("md.candle")) == len(SYMBOLS)  # type: ignore[attr-defined]


async def close(world: World, market: Market, bars: range) -> None:
    for bar in bars:
        await market.push(*(market.book_frame(symbol, (bar + 1) * LENGTH_MS - 10) for symbol in SYMBOLS))
        await market.push(*(market.frame(symbol, bar) for symbol in SYMBOLS))
        await eventually(at(world, bar), what=f"candle {bar}")


def shared_fairly(*scanners: Running) -> Callable[[], bool]:
    return lambda: sorted(s for r in scanners for s in r.scanner.board.watched) == list(SYMBOLS)


async def test_positions_in_symbols_of_another_scanner_count_as_correlated(market: Market) -> None:
    world = World(market.server.http_url)
    market.time_ms = (CROSS - 1) * LENGTH_MS + 1_000
    async with scanner(world, market, "a") as a, scanner(world, market, "b") as b:
        await eventually(shared_fairly(a, b), what="shared symbols")
        theirs = [s for s in b.scanner.board.watched if s not in a.scanner.board.watched][:3]
        assert len(theirs) == 3
        for symbol in theirs:
            await a.ctx.state.put(a.ctx.keys.positions, symbol, {"direction": "long"})
        await eventually(lambda: a.scanner.board.followed == tuple(theirs), what="followed positions")
        await close(world, market, range(CROSS - 1, CROSS + 1))
        assert b.scanner.board.followed == ()
        for running in (a, b):
            board = running.scanner.board
            assert board.windows.closes(board.windows.rows_of(theirs), 2, CROSS)[:, -1].tolist() == [close_of(CROSS)] * 3
        found = decided(world)
        assert {d.symbol for d in found} == set(SYMBOLS)
        assert {(d.direction, d.reason, d.value) for d in found if isinstance(d, Skip)} == {("long", "correlated", 3.0)}
        assert not [d for d in found if isinstance(d, Candidate)]
        for symbol in theirs:
            await a.ctx.state.drop(a.ctx.keys.positions, symbol)
        await eventually(lambda: a.scanner.board.followed == (), what="closed positions")


async def test_a_position_that_was_just_opened_is_met_before_the_decision(market: Market) -> None:
    world = World(market.server.http_url)
    async with scanner(world, market, ASTER_INCLUDE_SYMBOLS="AUSDT") as running:
        running.scanner.board.positions = {}
        for symbol in ("BUSDT", "CUSDT", "GONEUSDT"):
            await running.ctx.state.put(running.ctx.keys.positions, symbol, {"direction": "long"})
        await running.scanner.scan.meet(["BUSDT", "CUSDT", "GONEUSDT"])
        assert running.scanner.board.followed == ("BUSDT", "CUSDT")
        board = running.scanner.board
        running.scanner.board.positions = {}
        control = await running.scanner.scan._control(1)
        assert control is not None
        facts = board.snapshot(board.windows.rows_of(["AUSDT"]), BEGIN - 1, or_later=True)
        assert facts.peers_long.tolist() == [2.0]
        assert not world.stored("md.candle")[1:]  # candles of others are not published


class SlowHistories:
    """A venue that does not come to an answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def read(self, _symbols: list[str], _newest_ms: int) -> dict[str, object]:
        self.asked += 1
        await asyncio.Event().wait()
        return {}


async def test_decisions_do_not_wait_for_a_slow_venue(market: Market) -> None:
    world = World(market.server.http_url)
    async with scanner(world, market, ASTER_INCLUDE_SYMBOLS="AUSDT") as running:
        slow = SlowHistories()
        running.scanner.intake._histories = slow  # type: ignore[assignment]
        async with asyncio.timeout(20):
            await running.scanner.scan.meet(["BUSDT"])
            await running.scanner.scan.meet(["BUSDT"])
        assert slow.asked == 1, "left alone for a while"
        assert running.scanner.board.followed == ()


@pytest.mark.parametrize(("ai", "offers"), [({}, False), ({"ASTER_AI_MODE": "true"}, True), ({"ASTER_MODE": "ai"}, True)])
async def test_offers_without_a_rule_are_made_in_ai_mode_only(market: Market, ai: dict[str, str], *, offers: bool) -> None:
    world = World(market.server.http_url)
    async with scanner(world, market, **ai):
        await close(world, market, range(BEGIN, BEGIN + 12))
    setups = {d.setup for d in decided(world)}
    assert (Setup.TREND_SCAN in setups) is offers
    for decision in decided(world):
        if decision.setup is Setup.TREND_SCAN:
            assert decision.features["higher_side"] == (1 if decision.direction == "long" else -1)


async def test_offers_are_the_same_whoever_scans(market: Market) -> None:
    alone, shared = World(market.server.http_url), World(market.server.http_url)
    bars = range(BEGIN, BEGIN + 12)
    async with scanner(alone, market, "single", ASTER_AI_MODE="true"):
        await close(alone, market, bars)
    market.time_ms = BEGIN * LENGTH_MS + 1_000
    async with (
        scanner(shared, market, "a", ASTER_AI_MODE="true") as a,
        scanner(shared, market, "b", ASTER_AI_MODE="true") as b,
    ):
        await eventually(shared_fairly(a, b), what="shared symbols")
        await close(shared, market, bars)
        documents = await a.ctx.state.get_all(a.ctx.keys.universe)
        assert {"trend:a", "trend:b"} <= documents.keys()
    found = [{(d.symbol, d.close_ms, d.setup, d.strength) for d in decided(world)} for world in (alone, shared)]
    assert found[0] == found[1]
    assert any(setup is Setup.TREND_SCAN for _, _, setup, _ in found[0])


async def test_run_once_decides_about_one_candle_says_so_and_ends(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(market.server.http_url)
    async with scanner(world, market, ASTER_RUN_ONCE="true", ASTER_AI_MODE="true") as running:
        await running.task
        assert running.ctx.finished.is_set()
    assert {c.open_ms for c, _ in world.stored("md.candle")} == {(BEGIN - 1) * LENGTH_MS}  # type: ignore[attr-defined]
    assert {d.close_ms for d in decided(world)} == {BEGIN * LENGTH_MS - 1}
    (summary,) = [line for line in capsys.readouterr().out.splitlines() if "scanned_once" in line]
    assert f'"symbols": {len(SYMBOLS)}' in summary
    assert not market.server.streams  # nothing was followed


async def test_housekeeping_pauses_as_long_as_it_is_told_and_signals_do_not_wait_for_it(market: Market) -> None:
    def cycles() -> int:
        return len(market.server.asked_for("GET", "/fapi/v1/exchangeInfo"))

    world = World(market.server.http_url)
    async with scanner(world, market, ASTER_LOOP_SLEEP="1") as running:
        begin = cycles()
        start_s = running.ctx.clock.monotonic_s()
        await eventually(lambda: cycles() >= begin + 3, what="three cycles")
        assert running.ctx.clock.monotonic_s() - start_s >= 1.9
    world = World(market.server.http_url)
    async with scanner(world, market, ASTER_LOOP_SLEEP="3600") as running:
        await close(world, market, range(BEGIN, BEGIN + 2))
        settled = cycles()
        start_s = running.ctx.clock.monotonic_s()
        await eventually(lambda: running.ctx.clock.monotonic_s() - start_s > 2.5, what="time to pass")
        assert cycles() == settled
