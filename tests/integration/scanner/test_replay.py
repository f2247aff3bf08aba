"""Recorded candles through the scanner: everything published once, with the recording's values, whatever happens on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from shared.contracts.market import CandleClosed
from tests.integration.paper_exchange.harness import PaperVenue
from tests.integration.scanner.rig import Running, World, by_symbol, scanning, settings_of

pytestmark = [pytest.mark.integration, pytest.mark.recorded]

SYMBOLS = ("1000PEPEUSDT", "BTCUSDT", "NEARUSDT", "SOLUSDT")
CANDLES = 60
OPEN_FILTERS = {"ASTER_MIN_EDGE_R": "-5", "ASTER_NON_ARB_FILTER_ENABLED": "false"}


@pytest.fixture
def venue(recordings: Path) -> Iterator[PaperVenue]:
    data = recordings / "data" / "klines_5m.parquet"
    with PaperVenue("--market", f"replay:{data}", "--symbols", ",".join(SYMBOLS), "--lock-step", "--warmup", "700") as running:
        yield running


def recorded(recordings: Path, symbol: str) -> dict[int, dict[str, Any]]:
    """The recording's candles of a symbol by opening time."""
    table = pq.read_table(recordings / "data" / "klines_5m.parquet", filters=pc.field("symbol") == symbol)
    return {row["open_time"]: row for row in table.to_pylist()}


async def play(running: Running, candles: int) -> None:
    for _ in range(candles):
        await running.step()


def decisions(world: World) -> dict[str, Any]:
    """Candidates and skips by message id."""
    return {meta.id: payload.model_dump() for kind in ("signal.candidate", "signal.skip") for payload, meta in world.stored(kind)}


async def test_every_candle_is_published_once_with_the_recordings_values(venue: PaperVenue, recordings: Path) -> None:
    world = World(venue.url)
    async with scanning(world, settings_of(venue.url)) as running:
        await play(running, CANDLES)
        assert running.metric("candles_total", source="stream") == CANDLES * len(SYMBOLS)
        assert running.metric("candles_repaired_total") == 0
        assert running.metric("close_to_published_seconds_count", kind="candle") == CANDLES * len(SYMBOLS)
    published = by_symbol(world.stored("md.candle"))
    assert sorted(published) == sorted(SYMBOLS)
    for symbol, candles in published.items():
        rows = recorded(recordings, symbol)
        opens = [candle.open_ms for candle in candles]
        assert opens == list(range(opens[0], opens[0] + len(opens) * 300_000, 300_000))
        assert len(candles) == CANDLES + 1  # the one that had closed before the start, too
        for candle in candles:
            assert_like(candle, rows[candle.open_ms])


def assert_like(candle: CandleClosed, row: dict[str, Any]) -> None:
    assert candle.close_ms == row["close_time"]
    for name in ("open", "high", "low", "close"):
        assert getattr(candle, name) == row[name], (candle, row)
    assert candle.quote_volume == pytest.approx(row["quote_volume"], rel=1e-6)


async def test_decisions_are_about_closed_candles_and_carry_their_numbers(venue: PaperVenue) -> None:
    world = World(venue.url)
    async with scanning(world, settings_of(venue.url, **OPEN_FILTERS)) as running:
        await play(running, CANDLES)
        valid_ms = running.ctx.clock.horizon_ms(30_000)
        epoch = (await running.ctx.state.control()).epoch  # type: ignore[union-attr]
    candidates = world.stored("signal.candidate")
    assert candidates
    for candidate, meta in candidates:
        assert meta.ts_ms == candidate.close_ms  # type: ignore[attr-defined]
        assert meta.epoch == epoch
        assert len(meta.decision_id) == 10
        assert candidate.valid_until_ms == candidate.close_ms + 1 + valid_ms  # type: ignore[attr-defined]
        assert candidate.spread_ratio > 0  # type: ignore[attr-defined]
        assert {"rsi", "adx", "volume_rank", "higher_slope_atr"} <= candidate.features.keys()  # type: ignore[attr-defined]


async def test_a_restart_in_the_middle_changes_no_decision(venue: PaperVenue, recordings: Path) -> None:
    whole, parted = World(venue.url), World(venue.url)
    settings = settings_of(venue.url, **OPEN_FILTERS)
    async with scanning(whole, settings) as running:
        await play(running, CANDLES)
    data = recordings / "data" / "klines_5m.parquet"
    arguments = ("--market", f"replay:{data}", "--symbols", ",".join(SYMBOLS), "--lock-step", "--warmup", "700")
    with PaperVenue(*arguments) as again:
        parted.venue_url = again.url
        settings = settings_of(again.url, **OPEN_FILTERS)
        async with scanning(parted, settings, "a") as running:
            await play(running, CANDLES // 2)
        async with scanning(parted, settings, "b") as running:
            await play(running, CANDLES - CANDLES // 2)
    assert decisions(whole) == decisions(parted)
    assert len(decisions(whole)) > 5
    assert [m.id for _, m in whole.stored("md.candle")] == [m.id for _, m in parted.stored("md.candle")]


async def test_candles_that_closed_while_nobody_looked_are_published_by_the_next(venue: PaperVenue) -> None:
    world = World(venue.url)
    settings = settings_of(venue.url)
    async with scanning(world, settings, "a") as running:
        await play(running, 3)
    for _ in range(5):
        venue.client.post("/paper/v1/step", params={"until": "candle"})
    async with scanning(world, settings, "b") as running:
        await play(running, 2)
    for candles in by_symbol(world.stored("md.candle")).values():
        opens = [candle.open_ms for candle in candles]
        assert opens == [opens[0] + 300_000 * i for i in range(1 + 3 + 5 + 2)]


async def test_nothing_is_decided_while_trading_is_stopped(venue: PaperVenue) -> None:
    world = World(venue.url, trading=None)
    async with scanning(world, settings_of(venue.url, **OPEN_FILTERS)) as running:
        await play(running, 20)
        assert running.metric("undecided_signals_total", cause="stopped") > 0
    assert not decisions(world)
    assert len(world.stored("md.candle")) == 21 * len(SYMBOLS)


async def test_run_once_scans_the_newest_candle_and_ends(venue: PaperVenue) -> None:
    world = World(venue.url)
    async with scanning(world, settings_of(venue.url, ASTER_RUN_ONCE="true", **OPEN_FILTERS)) as running:
        await running.task
        assert running.ctx.finished.is_set()
    assert len(world.stored("md.candle")) == len(SYMBOLS)
