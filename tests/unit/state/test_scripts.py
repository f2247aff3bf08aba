"""The scripts are files: each one is used, and each one travels in the wheel."""

import re
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[3]
STATE = ROOT / "shared" / "state"
FILES = {path.stem for path in (STATE / "lua").glob("*.lua")}


def test_every_script_is_called_and_every_call_has_its_script() -> None:
    called = {name for path in STATE.glob("*.py") for name in re.findall(r'\.script\(\s*"(\w+)"', path.read_text(encoding="utf-8"))}
    assert called == FILES


def test_the_wheel_holds_the_scripts() -> None:
    packed = {Path(str(file.distribution_path)) for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {path.stem for path in packed if path.parent == Path("shared/state/lua")} == FILES
