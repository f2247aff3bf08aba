"""Past fundings of contracts whose fundings were not recorded."""

from types import SimpleNamespace

import pytest

from services.paper_exchange.logic.funding import Fundings

LENGTH = 8 * 3_600_000
NOW = 1_760_000_400_000
NEWEST = NOW // LENGTH * LENGTH


def times(start: int | None, end: int | None, limit: int) -> list[int]:
    return [row["fundingTime"] for row in Fundings(SimpleNamespace(time_ms=NOW)).past("AUSDT", (start, end), limit)]


@pytest.mark.parametrize("limit", [1, 100, 1000])
def test_without_a_start_the_newest(limit: int) -> None:
    assert times(None, None, limit) == [NEWEST - n * LENGTH for n in range(limit - 1, -1, -1)]


def test_with_a_start_the_oldest_so_that_pages_have_no_gap() -> None:
    start = NEWEST - 1500 * LENGTH + 5
    first = times(start, None, 1000)
    second = times(first[-1] + 1, None, 1000)
    assert [*first, *second] == [NEWEST - n * LENGTH for n in range(1499, -1, -1)]


def test_an_end_is_kept_and_the_beginning_of_time_is_not_asked_for() -> None:
    assert times(NEWEST - 3 * LENGTH, NEWEST - LENGTH - 1, 10) == [NEWEST - 3 * LENGTH, NEWEST - 2 * LENGTH]
    assert len(times(0, None, 1000)) == 1000
