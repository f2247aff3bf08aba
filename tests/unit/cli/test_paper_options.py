from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.commands import paper
from services.paper_exchange.options import MarketKind
from shared.config.load import load
from shared.domain.errors import ConfigError


def options(environment: dict[str, str] | None = None, **changes: Any) -> Any:
    place: dict[str, Any] = {"host": "127.0.0.1", "port": 8100, "lock_step": False, "faults": False, "store": None, **changes}
    return paper._options(load(environ=environment or {}), **place)


def test_settings_are_the_defaults() -> None:
    made = options({"ASTER_PAPER_SEED": "9", "ASTER_PAPER_BALANCE": "2500", "ASTER_INCLUDE_SYMBOLS": "BTCUSDT"})
    assert (made.market, made.seed, made.balance, made.symbols) == (MarketKind.AUTO, 9, Decimal(2500), ("BTCUSDT",))
    assert made.upstream == "https://fapi.asterdex.com"


def test_store_in_a_folder_gets_a_file(tmp_path: Path) -> None:
    assert options(store=tmp_path).store_path == tmp_path / "paper.sqlite"
    assert options(store=tmp_path / "x.sqlite").store_path == tmp_path / "x.sqlite"


def test_open_address_with_the_public_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="loopback only"):
        options(host="0.0.0.0")


def test_lock_step_needs_prices_that_can_wait() -> None:
    with pytest.raises(ConfigError, match="a live market does not wait"):
        options({"ASTER_PAPER_MARKET": "live"}, lock_step=True)


def test_a_replay_of_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that was made absolute as a whole still finds its later parts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("a.parquet", "b.parquet", "c, d.parquet"):
        (tmp_path / "data" / name).write_text("")
    a, b = tmp_path / "data" / "a.parquet", tmp_path / "data" / "b.parquet"
    replay = {"ASTER_PAPER_MARKET": "replay"}
    assert options({**replay, "ASTER_PAPER_REPLAY": f"{a},{b}"}).paths == (a, b)
    monkeypatch.chdir("/")
    assert options({**replay, "ASTER_PAPER_REPLAY": f"{a},data/b.parquet"}).paths == (a, b)
    assert options({**replay, "ASTER_PAPER_REPLAY": f"{a},b.parquet"}).paths == (a, b)
    comma = tmp_path / "data" / "c, d.parquet"
    assert options({**replay, "ASTER_PAPER_REPLAY": str(comma)}).paths == (comma,)
    assert options({**replay, "ASTER_PAPER_REPLAY": f"{a},nothing.parquet"}).paths == (a, Path("nothing.parquet"))
