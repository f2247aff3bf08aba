from pathlib import Path

import pytest

from services.supervisor.environment import asked, bytecode, child_environment, market_settings
from services.supervisor.options import UpOptions
from shared.domain.errors import ConfigError


def test_nothing_asked_changes_nothing() -> None:
    assert asked(UpOptions(home=Path("h"))) == {}


def test_the_command_line_as_settings(tmp_path: Path) -> None:
    options = UpOptions(
        home=tmp_path, market=f"replay:{tmp_path}/candles.parquet", speed="600", seed=3, symbols="BTCUSDT,ETHUSDT", port=9001, once=True
    )
    assert asked(options) == {
        "ASTER_PAPER_MARKET": "replay",
        "ASTER_PAPER_REPLAY": f"{tmp_path}/candles.parquet",
        "ASTER_PAPER_SPEED": "600",
        "ASTER_PAPER_SEED": "3",
        "ASTER_INCLUDE_SYMBOLS": "BTCUSDT,ETHUSDT",
        "ASTER_RUN_ONCE": "true",
        "ASTER_DASHBOARD_PORT": "9001",
    }


def test_a_free_port_is_no_setting() -> None:
    assert "ASTER_DASHBOARD_PORT" not in asked(UpOptions(home=Path("h"), port=0))


def test_seed_zero_is_a_seed() -> None:
    assert asked(UpOptions(home=Path("h"), seed=0)) == {"ASTER_PAPER_SEED": "0"}


@pytest.mark.parametrize("market", ["auto", "live", "synthetic"])
def test_markets_by_name(market: str) -> None:
    assert market_settings(market) == {"ASTER_PAPER_MARKET": market}


@pytest.mark.parametrize("market", ["", "replay", "replay:", "live:x", "Synthetic", "file.parquet"])
def test_other_markets_are_refused(market: str) -> None:
    with pytest.raises(ConfigError, match="expected auto, live, synthetic or replay:PATH"):
        market_settings(market)


def test_relative_recording_is_taken_from_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert market_settings("replay:a.csv")["ASTER_PAPER_REPLAY"] == str(tmp_path / "a.csv")
    assert market_settings("replay:a.csv, b")["ASTER_PAPER_REPLAY"] == f"{tmp_path / 'a.csv'},{tmp_path / 'b'}"


def test_children_run_the_code_of_this_process_and_keep_a_persons_choice() -> None:
    made = child_environment({"OMP_NUM_THREADS": "8", "PYTHONPATH": "/x"}, {"ASTER_NATS_URL": "nats://h"})
    root = str(Path(__file__).parents[3])
    assert made["PYTHONPATH"] == f"{root}:/x"
    assert made["OMP_NUM_THREADS"] == "8"
    assert made["OPENBLAS_NUM_THREADS"] == "1"
    assert made["ASTER_NATS_URL"] == "nats://h"


def test_compiled_code_is_kept_in_the_home_where_none_is_wanted_beside_the_sources() -> None:
    assert bytecode({}, Path("/h/bytecode")) == {}
    kept = bytecode({"PYTHONDONTWRITEBYTECODE": "1"}, Path("/h/bytecode"))
    assert kept == {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": "/h/bytecode"}
