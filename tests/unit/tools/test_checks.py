import subprocess
from pathlib import Path

import pytest

from tools.check_sizes import too_long

ROOT = Path(__file__).parents[3]


def test_files_beyond_their_limit_are_named(tmp_path: Path) -> None:
    for name, lines in (("services/a/long.py", 401), ("services/a/short.py", 400), ("tests/long.py", 601), ("tests/short.py", 600)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" * lines)
    assert too_long(tmp_path) == [
        "services/a/long.py: 401 lines, expected at most 400; split it by subject",
        "tests/long.py: 601 lines, expected at most 600; split it by subject",
    ]


def test_built_page_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "services" / "dashboard" / "web" / "generated.py"
    path.parent.mkdir(parents=True)
    path.write_text("x = 1\n" * 1000)
    assert too_long(tmp_path) == []


def test_make_refuses_a_python_that_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(
        '#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 10, 1); sys.version = \'3.10.1\'; exec(sys.argv[1])" "$2"\n'
    )
    old.chmod(0o755)
    told = make(tmp_path, f"PYTHON={old}")
    assert told.returncode != 0
    assert "MrAster needs Python 3.11 or newer, found 3.10.1" in told.stderr
    assert "PYTHON=/path/to/python3" in told.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_says_when_there_is_no_python(tmp_path: Path) -> None:
    told = make(tmp_path, "PYTHON=no-such-python")
    assert told.returncode != 0
    assert "no-such-python was not found" in told.stderr


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`make up` in an empty folder with our Makefile."""
    command = ["make", "--no-print-directory", "-f", str(ROOT / "Makefile"), "up", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("target", ["up", "check", "test", "generate", "bench", "lock", "web", "clean", "secrets"])
def test_make_help_lists_what_there_is(target: str) -> None:
    told = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"make {target} " in told
