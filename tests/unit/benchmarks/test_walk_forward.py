from pathlib import Path

import pytest

from benchmarks.walk_forward import DAY_MS, END, START, asked, bounds, drawdown, main, months, per_month, put_into, row
from benchmarks.walk_runs import VARIANTS, Trade, Variant
from services.advisor.logic.report import Interval

DAY = 20_000


def trade(day: int, net_r: float, size: float = 1.0) -> Trade:
    return Trade(day * DAY_MS + 1, net_r, size)


def test_help_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "klines_5m.parquet" in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--every", "0"]])
def test_what_does_not_fit_is_said(tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if more:
        (tmp_path / "klines_5m.parquet").touch()
    with pytest.raises(SystemExit) as ended:
        asked([str(tmp_path), *more])
    assert ended.value.code == 2
    assert "expected" in capsys.readouterr().err


def test_a_month_has_thirty_days_and_days_without_trades_count() -> None:
    month = per_month([trade(DAY, 1.0), trade(DAY + 9, 1.0)], range(DAY, DAY + 10))
    assert month.mean == pytest.approx(6.0)
    assert month.low is not None
    assert month.high is not None
    assert 0 <= month.low < 6 < month.high
    assert per_month([], range(DAY, DAY + 10)).mean == 0


def test_the_drawdown_is_the_largest_fall() -> None:
    assert drawdown([]) == 0
    assert drawdown([1.0, -2.0, 0.5, -1.0, 5.0]) == pytest.approx(2.5)


def test_rows_hold_what_the_head_promises() -> None:
    found = row(Variant("me"), [trade(DAY, 1.0, 2.0), trade(DAY + 1, -1.0)], range(DAY, DAY + 2))
    assert found.count("|") == 10
    assert "| +15.0 |" in found
    assert bounds(Interval(0.0, None, None)) == "-"
    assert row(Variant("nobody"), [], range(DAY, DAY + 2)).count("|") == 10


def test_calendar_months() -> None:
    lines = months([(Variant("me"), [trade(DAY, 1.0), trade(DAY + 40, -0.5)])])
    assert lines[0] == "| who decides | 2024-10 | 2024-11 |"
    assert lines[2] == "| me | +1.0 (1) | -0.5 (1) |"


def test_tables_go_between_the_marks(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    target.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    put_into(target, ["new"])
    assert target.read_text() == f"before\n{START}\n\nnew\n{END}\nafter\n"
    target.write_text("no marks")
    with pytest.raises(ValueError, match="expected one"):
        put_into(target, ["new"])


def test_each_learner_is_there_with_and_without() -> None:
    names = {variant.name for variant in VARIANTS}
    for learner in ("bandit", "alpha", "calibration"):
        assert f"edge + {learner}" in names
        assert any(name.startswith(f"all but {learner}") for name in names)
    assert not next(variant for variant in VARIANTS if variant.name == "edge only").learns
