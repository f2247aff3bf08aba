"""Stretches of time in a download, and what the check of a recording finds."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.commands.data_check import check_file, check_path
from services.commands.data_job import shared_limits
from services.commands.data_plan import aligned
from services.commands.data_span import Spans, cut, joined, missing, moment
from shared.domain.errors import ConfigError
from shared.exchange.venues.shape import Limits
from tests.unit.cli.conftest import Run

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))), max_size=8)


@given(SPANS, st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_held_and_missing_make_up_what_is_wanted(held: Spans, wanted: tuple[int, int]) -> None:
    inside = set(range(*wanted))
    had = {at for span in held for at in range(*span)}
    left = missing(wanted, held)
    assert [at for span in left for at in range(*span)] == sorted(inside - had)
    assert {at for span in joined(held) for at in range(*span)} == had
    assert [at for span in left for piece in cut(span, 7) for at in range(*piece)] == sorted(inside - had)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-01", 1_761_955_200_000),
        ("2025-11-01T12:00", 1_761_998_400_000),
        ("2025-11-01T12:00:00Z", 1_761_998_400_000),
        ("2025-11-01T12:00+02:00", 1_761_991_200_000),
        ("1761955200000", 1_761_955_200_000),
        ("2d", 10_000_000_000 - 172_800_000),
        ("now", 10_000_000_000),
    ],
)
def test_words_for_a_time(text: str, expected: int) -> None:
    assert moment(text, 10_000_000_000) == expected


@pytest.mark.parametrize("text", ["", "soon", "2025-13-01", "30x", "-5d"])
def test_words_that_are_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a time"):
        moment(text, 0)


def test_candles_that_are_whole_lie_inside() -> None:
    assert aligned((1, 299_999), 60_000) == (60_000, 240_000)
    assert aligned((60_000, 300_000), 60_000) == (60_000, 300_000)
    monday = 4 * 86_400_000
    assert aligned((0, 3 * 604_800_000), 604_800_000) == (monday, monday + 2 * 604_800_000)


def test_a_download_leaves_room_for_others() -> None:
    assert shared_limits(Limits(2400, 1200, 300), 0.5) == Limits(1200, 1200, 300)
    assert shared_limits(Limits(10, 1200, None), 0.05).weight_per_minute == 1


def candles(path: Path, times: list[int], low: float = 1.0) -> Path:
    size = len(times)
    prices = {"open": [2.0] * size, "high": [3.0] * size, "low": [low] * size, "close": [2.0] * size}
    pq.write_table(pa.table({"symbol": ["AUSDT"] * size, "open_time": times, **prices}), path)
    return path


def test_what_a_check_finds(tmp_path: Path) -> None:
    minute = 60_000
    good = check_file(candles(tmp_path / "a.parquet", [0, minute, 2 * minute]))
    assert (good.sound, good.gaps, good.interval) == (True, 0, "1m")
    gap = check_file(candles(tmp_path / "b.parquet", [0, minute, 4 * minute, 5 * minute]))
    assert (gap.sound, gap.gaps, gap.missing) == (True, 1, 2)
    bad = check_file(candles(tmp_path / "c.parquet", [0, minute, minute, 2 * minute, 3 * minute, 4 * minute, 5 * minute + 7], low=2.5))
    assert bad.problems == {"duplicates": 1, "off the grid": 1, "impossible prices": 7}
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    assert [report.file for report in check_path(tmp_path)] == ["a.parquet", "b.parquet", "c.parquet"]
    with pytest.raises(ConfigError, match="neither open_time"):
        check_file(tmp_path / "notes.csv")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match="not readable"):
        check_path(tmp_path)


def test_the_check_as_a_command(run: Run, tmp_path: Path) -> None:
    candles(tmp_path / "a.parquet", [0, 60_000, 240_000, 300_000])
    assert run("data", "check", str(tmp_path)).exit_code == 0
    strict = run("data", "check", str(tmp_path), "--strict", "--json")
    assert strict.exit_code == 1
    assert json.loads(strict.output)["files"][0]["gaps"] == 1
    assert "no such file" in str(run("data", "check", str(tmp_path / "nothing")).exception)


def test_download_tells_what_is_wrong_with_the_command_line(run: Run, tmp_path: Path) -> None:
    result = run("data", "download", "--interval", "9m", "--base", "http://127.0.0.1:1")
    assert "expected some of 1m" in str(result.exception)
    (tmp_path / "file").write_text("")
    result = run("data", "download", "--base", "http://127.0.0.1:1", "--out", str(tmp_path / "file" / "x"))
    assert "cannot be written" in str(result.exception)
    result = run("data", "download", "--base", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "run the same command again" in result.output
