"""Downloading from a scripted venue: what is asked, what is kept, what happens when it is cut short."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from services.commands.data_check import check_path
from services.commands.data_fetch import PAGE
from services.commands.data_job import run
from services.commands.data_parts import locked
from services.commands.data_plan import PIECE
from shared.domain.errors import ConfigError, ContractViolation, ExchangeUnavailable
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Asked, Reply, VenueServer
from tests.integration.data.scripted import MINUTE_MS, MISSING, NOW, T0, command, contract, kline, klines, order, price, script

pytestmark = pytest.mark.integration


@pytest.fixture
async def server() -> AsyncIterator[VenueServer]:
    async with VenueServer() as running:
        script(running)
        yield running


def asked_spans(server: VenueServer) -> list[tuple[int, int]]:
    """Pages that were asked for; looks for the first candle have no end."""
    asked = [item.params for item in server.asked_for("GET", "/fapi/v1/klines")]
    return [(int(item["startTime"]), int(item["endTime"])) for item in asked if "endTime" in item]


def opened(path: Path, symbol: str) -> list[int]:
    return [int(value) for value in pq.read_table(path, filters=[("symbol", "=", symbol)]).column("open_time").to_pylist()]


def found(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def expected(first: int, minutes: int) -> list[int]:
    return [at for at in range(first, first + minutes * MINUTE_MS, MINUTE_MS) if not MISSING[0] <= at < MISSING[1]]


async def test_rows_are_the_venues_and_every_second_run_asks_for_nothing(server: VenueServer, tmp_path: Path) -> None:
    first = await run(order(server, tmp_path, symbols=(), funding=True))
    assert first.ok
    assert [file.file for file in first.files] == ["klines_1m.parquet", "funding.parquet"]
    for symbol in ("AAAUSDT", "BBBUSDT"):
        assert opened(tmp_path / "klines_1m.parquet", symbol) == expected(T0, 3000)
    row = pq.read_table(tmp_path / "klines_1m.parquet").slice(5, 1).to_pylist()[0]
    at = T0 + 5 * MINUTE_MS
    assert row == {
        "symbol": "AAAUSDT",
        "open_time": at,
        **dict(zip(("open", "high", "low", "close"), map(float, kline(at)[1:5]), strict=True)),
        "volume": 12.5,
        "close_time": at + MINUTE_MS - 1,
        "quote_volume": 1250.0,
        "trades": 7,
        "taker_buy_base": 6.0,
        "taker_buy_quote": 600.0,
        "src": "recorded",
    }
    funding = pq.read_table(tmp_path / "funding.parquet").to_pylist()
    assert {(item["symbol"], item["interval_hours"]) for item in funding} == {("AAAUSDT", 8.0), ("BBBUSDT", 8.0)}
    assert all(item["funding_time"] % MINUTE_MS == 0 and item["mark_price"] == price(item["funding_time"]) for item in funding)
    assert json.loads((tmp_path / "exchange_info.json").read_text())["symbols"][0]["symbol"] == "AAAUSDT"
    server.asked.clear()
    second = await run(order(server, tmp_path, symbols=(), funding=True))
    assert [file.added for file in second.files] == [0, 0]
    assert asked_spans(server) == []


async def test_a_longer_stretch_asks_only_for_what_is_new(server: VenueServer, tmp_path: Path) -> None:
    await run(order(server, tmp_path, start=str(T0 + 1000 * MINUTE_MS), end=str(T0 + 1500 * MINUTE_MS)))
    server.asked.clear()
    summary = await run(order(server, tmp_path, end="now"))
    held = (T0 + 1000 * MINUTE_MS, T0 + 1500 * MINUTE_MS)
    assert all(end < held[0] or start >= held[1] for start, end in asked_spans(server))
    assert opened(tmp_path / "klines_1m.parquet", "AAAUSDT") == expected(T0, 20_000)
    assert summary.files[0].gaps == 1
    assert max(opened(tmp_path / "klines_1m.parquet", "AAAUSDT")) + MINUTE_MS <= NOW
    (report,) = check_path(tmp_path)
    assert (report.sound, report.gaps, report.missing) == (True, 1, 10)


async def test_killed_in_the_middle_it_goes_on_without_gap_or_duplicate(server: VenueServer, tmp_path: Path) -> None:
    """The venue falls silent after two pieces are stored; the process is killed while it waits."""
    pages = 3 * PIECE // PAGE

    def until_silent(asked: Asked) -> Reply:
        return klines(asked) if len(server.asked_for("GET", "/fapi/v1/klines")) <= pages else Reply(silent=True)

    script(server, klines_answer=until_silent)
    where = ["--base", server.http_url, "--out", str(tmp_path), "--interval", "1m", "--no-funding", "--symbols", "AAAUSDT"]
    when = ["--start", str(T0), "--end", str(T0 + 20_000 * MINUTE_MS)]
    killed = await command("download", *where, *when)
    await eventually(lambda: len(server.asked_for("GET", "/fapi/v1/klines")) > pages, within_s=60)
    killed.kill()
    await killed.communicate()
    kept = found(tmp_path, ".download/klines_1m/AAAUSDT/*.parquet")
    assert not (tmp_path / "klines_1m.parquet").exists()
    # a piece that was being written when the process died
    half = tmp_path / ".download" / "klines_1m" / "AAAUSDT" / ".half.parquet.tmp"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"PAR1 torn")
    server.asked.clear()
    script(server)
    again = await command("download", *where, *when, "--json")
    out, errors = await again.communicate()
    assert again.returncode == 0, errors.decode()
    summary = json.loads(out)
    assert summary["files"][0]["rows"] == 20_000 - 10
    assert opened(tmp_path / "klines_1m.parquet", "AAAUSDT") == expected(T0, 20_000)
    assert len(asked_spans(server)) == (20_000 - len(kept) * PIECE) // PAGE
    assert not half.exists()
    assert not found(tmp_path, ".download/klines_1m")


async def test_interrupted_from_the_keyboard(server: VenueServer, tmp_path: Path) -> None:
    script(server, klines_answer=lambda _asked: Reply(silent=True))
    process = await command("download", "--base", server.http_url, "--out", str(tmp_path), "--interval", "1m", "--start", str(T0))
    await eventually(lambda: server.asked_for("GET", "/fapi/v1/klines"), within_s=60)
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert process.returncode == 130
    assert "run the same command again to go on" in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_two_downloads_in_one_folder_are_one_too_many(server: VenueServer, tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(ConfigError, match="another download writes there"):
        await run(order(server, tmp_path))


async def test_killed_between_the_new_file_and_the_end_of_the_pieces(server: VenueServer, tmp_path: Path) -> None:
    """Pieces that are in the file already change nothing."""
    await run(order(server, tmp_path))
    rows = pq.read_table(tmp_path / "klines_1m.parquet")
    piece = tmp_path / ".download" / "klines_1m" / "AAAUSDT" / f"{T0}-{T0 + 100 * MINUTE_MS}.parquet"
    piece.parent.mkdir(parents=True)
    pq.write_table(rows.slice(0, 100), piece)
    summary = await run(order(server, tmp_path))
    assert summary.files[0].added == 0
    assert pq.read_table(tmp_path / "klines_1m.parquet").equals(rows)


async def test_years_before_the_listing_cost_one_request(server: VenueServer, tmp_path: Path) -> None:
    before = str(T0 - 500_000 * MINUTE_MS)
    await run(order(server, tmp_path, start=before, end=str(T0 + 6000 * MINUTE_MS)))
    assert opened(tmp_path / "klines_1m.parquet", "AAAUSDT") == expected(T0, 6000)
    assert min(asked_spans(server))[0] == T0
    server.asked.clear()
    summary = await run(order(server, tmp_path, start=before, end=str(T0 + 6000 * MINUTE_MS)))
    assert (server.asked_for("GET", "/fapi/v1/klines"), summary.files[0].added) == ([], 0)


async def test_nothing_at_all_in_a_long_stretch(server: VenueServer, tmp_path: Path) -> None:
    summary = await run(order(server, tmp_path, start=str(T0 - 500_000 * MINUTE_MS), end=str(T0 - 100 * MINUTE_MS)))
    assert (summary.ok, summary.files[0].rows, asked_spans(server)) == (True, 0, [])


async def test_mark_and_index_candles_have_prices_only(server: VenueServer, tmp_path: Path) -> None:
    await run(order(server, tmp_path, kinds=("mark", "index")))
    for name in ("mark_klines_1m", "index_klines_1m"):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        assert table.column_names == ["symbol", "open_time", "open", "high", "low", "close"]
        assert table.num_rows == 3000 - 10
    assert {item.params.get("pair") for item in server.asked_for("GET", "/fapi/v1/indexPriceKlines")} == {"AAAUSDT"}


async def test_a_recording_from_elsewhere_is_extended(server: VenueServer, tmp_path: Path) -> None:
    await run(order(server, tmp_path, end=str(T0 + 100 * MINUTE_MS)))
    path = tmp_path / "klines_1m.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    server.asked.clear()
    await run(order(server, tmp_path, end=str(T0 + 300 * MINUTE_MS)))
    assert asked_spans(server) == [(T0 + 100 * MINUTE_MS, T0 + 300 * MINUTE_MS - 1)]
    assert opened(path, "AAAUSDT") == expected(T0, 300)


async def test_contracts_that_are_gone_stay_known(server: VenueServer, tmp_path: Path) -> None:
    (tmp_path / "exchange_info.json").write_text(
        json.dumps({"symbols": [contract("GONEUSDT"), {**contract("AAAUSDT"), "status": "BREAK"}]})
    )
    await run(order(server, tmp_path, end=str(T0 + 10 * MINUTE_MS)))
    known = {row["symbol"]: row["status"] for row in json.loads((tmp_path / "exchange_info.json").read_text())["symbols"]}
    assert (known["GONEUSDT"], known["AAAUSDT"]) == ("TRADING", "TRADING")
    (tmp_path / "exchange_info.json").write_text("torn {")
    await run(order(server, tmp_path, end=str(T0 + 10 * MINUTE_MS)))
    assert len(json.loads((tmp_path / "exchange_info.json").read_text())["symbols"]) == 3


async def test_troubles_of_the_venue_are_waited_out(server: VenueServer, tmp_path: Path) -> None:
    answers = [
        Reply(503, b"<html>busy</html>"),
        Reply(429, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "1"}),
        Reply(cut=True),
    ]
    server.on("GET", "/fapi/v1/klines", *answers, klines)
    await run(order(server, tmp_path, end=str(T0 + 100 * MINUTE_MS)))
    assert opened(tmp_path / "klines_1m.parquet", "AAAUSDT") == expected(T0, 100)


async def test_a_symbol_that_is_refused_does_not_stop_the_others(server: VenueServer, tmp_path: Path) -> None:
    refusal = Reply(400, {"code": -1121, "msg": "Invalid symbol."})
    script(server, klines_answer=lambda asked: refusal if asked.params["symbol"] == "AAAUSDT" else klines(asked))
    summary = await run(order(server, tmp_path, symbols=("AAAUSDT", "BBBUSDT")))
    assert not summary.ok
    assert list(summary.failed) == ["AAAUSDT klines_1m"]
    assert opened(tmp_path / "klines_1m.parquet", "BBBUSDT") == expected(T0, 3000)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"a": 1}, "expected an array"),
        ([[T0]], "at least 11 numbers"),
        ([kline(T0 + 1)], "not on the grid"),
        ([kline(T0), kline(T0)], "not in order"),
        ([kline(T0 - 60 * MINUTE_MS)], "in an answer about"),
        ([[T0, "nan", *kline(T0)[2:]]], "numbers"),
    ],
)
async def test_answers_that_are_no_candles_are_not_stored(server: VenueServer, tmp_path: Path, body: object, said: str) -> None:
    server.on("GET", "/fapi/v1/klines", Reply(body=body))
    with pytest.raises(ContractViolation, match=said):
        await run(order(server, tmp_path))
    assert not found(tmp_path, "*.parquet")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"symbols": ("ZZZUSDT",)}, "does not list ZZZUSDT"),
        ({"symbols": (), "quote": "EUR"}, "no perpetual in EUR"),
        ({"intervals": ("7m",)}, "expected some of 1m"),
        ({"kinds": ("trades",)}, "expected some of klines, mark, index"),
        ({"start": "yesterday"}, "not a time"),
        ({"start": str(NOW + 1)}, "nothing lies between"),
        ({"base": "ftp://x"}, "expected an http"),
    ],
)
async def test_wrong_wishes_are_one_clear_message(server: VenueServer, tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        await run(order(server, tmp_path, **changes))


async def test_a_venue_that_is_not_there(tmp_path: Path) -> None:
    async with VenueServer() as gone:
        where = order(gone, tmp_path)
    with pytest.raises(ExchangeUnavailable, match="does not answer"):
        await run(where)


async def test_fundings_of_many_years_take_several_pages(server: VenueServer, tmp_path: Path) -> None:
    length = 8 * 3_600_000
    times = [T0 // length * length + number * length for number in range(1, 2501)]
    script(server)
    server.on("GET", "/fapi/v1/time", Reply(body={"serverTime": times[-1] + 1000}))

    def page(asked: Asked) -> Reply:
        rows = [{"symbol": "AAAUSDT", "fundingTime": at, "fundingRate": "-0.0002"} for at in times]
        inside = [item for item in rows if int(asked.params["startTime"]) <= int(str(item["fundingTime"])) <= int(asked.params["endTime"])]
        return Reply(body=inside[:1000])

    server.on("GET", "/fapi/v1/fundingRate", page)
    await run(order(server, tmp_path, intervals=(), funding=True, end="now"))
    table = pq.read_table(tmp_path / "funding.parquet")
    assert table.column("funding_time").to_pylist() == times
    assert np.isnan(table.column("mark_price").to_numpy()).all()
    assert len(server.asked_for("GET", "/fapi/v1/fundingRate")) == 3
