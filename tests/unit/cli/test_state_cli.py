import json
from pathlib import Path

import pytest

from services.commands.export import write_new
from shared.state.snapshot import Snapshot, encode
from shared.state.state_file import load
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_commands import said

NOWHERE = "redis://user:planted@127.0.0.1:1/0"


def snapshot(account: str = "main") -> Snapshot:
    return Snapshot(account=account, written_ms=1, writer="export", serial=0, sections={"learning": {"current": {"number": 0}}})


def test_export_without_redis_writes_nothing(run: Run, tmp_path: Path) -> None:
    result = run("export", "--to", "mine.json", ASTER_REDIS_URL=NOWHERE)
    assert result.exit_code == 1
    assert "nothing was exported" in result.output
    assert "planted" not in said(result)
    assert list(tmp_path.iterdir()) == []


def test_import_without_redis_changes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(encode(snapshot()))
    result = run("import", "mine.json", "--yes", ASTER_REDIS_URL=NOWHERE)
    assert result.exit_code == 1
    assert "nothing was changed" in result.output
    assert "planted" not in said(result)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected JSON"),
        (b"{}", "expected kind"),
        (encode(snapshot("other")), "account 'main'"),
        (json.dumps({"kind": "mraster-state", "version": 2}).encode(), "newer MrAster"),
        (encode(Snapshot(account="main", written_ms=1, writer="x", serial=0, sections={})), "nothing that was learned"),
        (
            encode(Snapshot(account="main", written_ms=1, writer="x", serial=0, sections={"learning": {"draft": 7}})),
            "something else in draft",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_before_anything_else(run: Run, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "mine.json").write_bytes(content)
    result = run("import", "mine.json", "--yes", ASTER_REDIS_URL=NOWHERE)
    assert result.exit_code == 1
    assert words in result.output


def test_a_missing_file_is_named(run: Run) -> None:
    result = run("import", "nowhere.json", "--yes", ASTER_REDIS_URL=NOWHERE)
    assert result.exit_code == 1
    assert "nowhere.json" in result.output


def test_an_export_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write_new(path, snapshot())
    assert load(path) == snapshot()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError, match="exists already"):
        write_new(path, snapshot())
    with pytest.raises(FileNotFoundError):
        write_new(tmp_path / "no" / "folder.json", snapshot())
    assert [item.name for item in tmp_path.iterdir()] == ["mine.json"]
