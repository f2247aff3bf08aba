"""The strength curves in docs/strategy.md are those of the code."""

import re
from pathlib import Path

from services.scanner.logic.setups import CURVES
from shared.contracts.signal import Setup, SkipReason

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "strategy.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| ([\d.]+) \| (-?[\d.]+) \| (-?[\d.]+) \|", re.MULTILINE)


def test_every_curve_is_documented_as_it_is() -> None:
    written = {(setup, part): (float(w), float(low), float(high)) for setup, part, w, low, high in ROW.findall(PAGE)}
    built = {(setup.value, name): tuple(part) for setup in Setup for name, part in CURVES[setup].items()}
    assert written == built


def test_every_skip_reason_is_documented() -> None:
    assert {reason.value for reason in SkipReason} <= set(re.findall(r"`(\w+)`", PAGE))
