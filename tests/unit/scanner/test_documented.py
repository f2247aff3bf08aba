"""The strength curves in docs/strategy.md are those of the code."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from services.scanner.logic.setups import CURVES
from shared.contracts.signal import Setup, SkipReason
from tools import plot_strength
from tools.plot_strength import LABELS, curve, draw, panel

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "strategy.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| ([\d.]+) \| (-?[\d.]+) \| (-?[\d.]+) \|", re.MULTILINE)


def test_every_curve_is_documented_as_it_is() -> None:
    written = {(setup, part): (float(w), float(low), float(high)) for setup, part, w, low, high in ROW.findall(PAGE)}
    built = {(setup.value, name): tuple(part) for setup in Setup for name, part in CURVES[setup].items()}
    assert written == built


def test_every_skip_reason_is_documented() -> None:
    assert {reason.value for reason in SkipReason} <= set(re.findall(r"`(\w+)`", PAGE))


@pytest.mark.parametrize("setup", list(Setup))
def test_every_setup_has_its_picture_made_from_the_code(setup: Setup) -> None:
    path = f"img/strength_{setup.value}.svg"
    assert f"]({path})" in PAGE
    text = (DOCS / path).read_text(encoding="utf-8")
    assert text == draw(setup)
    drawn = ET.fromstring(text)  # noqa: S314 - our own file
    words = [node.text or "" for node in drawn.iter() if node.tag.endswith("text")]
    for name, part in CURVES[setup].items():
        assert f"{name} · weight {part.weight:.2f}" in words
        assert LABELS[name] in words


@pytest.mark.parametrize(("setup", "name"), [(setup, name) for setup in Setup for name in CURVES[setup]])
def test_the_drawn_ramp_is_the_one_that_scores(setup: Setup, name: str) -> None:
    part = CURVES[setup][name]
    for value, score in curve(panel(name, part, 0)):
        assert part.score(np.array([value]))[0] == pytest.approx(part.weight * score)


def test_a_stale_picture_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(plot_strength, "FOLDER", tmp_path)
    monkeypatch.setattr(plot_strength, "ROOT", tmp_path)
    assert plot_strength.main([]) == 1
    assert "strength_trend_scan.svg is stale" in capsys.readouterr().out
    assert plot_strength.main(["--write"]) == 0
    assert plot_strength.main([]) == 0
