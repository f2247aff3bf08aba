"""Generated files are fresh, complete and usable."""

import json
from pathlib import Path

import pytest

from shared.config.envfile import parse_env
from shared.config.load import load
from shared.config.registry import DECLARED
from shared.config.render import editor_schema, generated, main, render_env_example, render_markdown, stale
from shared.config.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def test_generated_files_are_fresh() -> None:
    assert stale(ROOT) == []
    assert main(["--check"]) == 0


def test_stale_and_missing_files_are_named(tmp_path: Path) -> None:
    assert stale(tmp_path) == list(generated())
    for name, text in generated().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert stale(tmp_path) == []
    (tmp_path / ".env.example").write_text("", encoding="utf-8")
    assert stale(tmp_path) == [".env.example"]


def test_wrong_arguments_say_what_is_expected(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "--check|--write" in capsys.readouterr().out


@pytest.mark.parametrize("name", DECLARED)
def test_every_setting_is_on_the_page_and_says_when_it_waits(name: str) -> None:
    rows = [line for line in render_markdown().splitlines() if line.startswith(f"| `{name}` |") and line.count(" | ") == 4]
    assert any(DECLARED[name].description in row for row in rows)
    waits = any("takes effect when" in row for row in rows)
    assert waits == bool(DECLARED[name].knob.awaits)


def test_the_example_gives_the_defaults_when_all_of_it_is_used() -> None:
    lines = [
        line.removeprefix("# ") for line in render_env_example().splitlines() if line.startswith(tuple(f"# {name}=" for name in DECLARED))
    ]
    values = parse_env("\n".join(lines))
    assert list(values) == list(DECLARED) or sorted(values) == sorted(DECLARED)
    loaded = load(environ=values)
    default = Settings()
    assert {name: loaded.value(name) for name in DECLARED if name != "ASTER_PRESET_MODE"} == {
        name: default.value(name) for name in DECLARED if name != "ASTER_PRESET_MODE"
    }


def test_the_example_changes_nothing_as_it_is() -> None:
    assert parse_env(render_env_example()) == {}


def test_editor_schema() -> None:
    schema = {entry["name"]: entry for entry in json.loads(json.dumps(editor_schema()))}
    assert list(schema) == list(DECLARED)
    risk = schema["ASTER_RISK_PER_TRADE"]
    assert (risk["kind"], risk["minimum"], risk["maximum"], risk["unit"]) == ("decimal", "0.0005", "0.05", "of equity")
    assert risk["applies"] == "next trade"
    assert risk["presets"]["high"] == "0.015"
    assert schema["ASTER_LEVERAGE"]["words"] == ["max"]
    assert schema["ASTER_TREND_BIAS"]["choices"] == ["with", "against"]
    assert schema["ASTER_EQUITY_FRACTION"]["minimum_exclusive"] is True
    assert schema["ASTER_API_KEY"]["secret"] is True
    assert schema["ASTER_API_KEY"]["editable"] is False
    assert schema["ASTER_AI_PENDING_LIMIT"]["derived"] == "max(4, 3 * ASTER_AI_CONCURRENCY)"


def test_effective_rows() -> None:
    rows = {row.name: row for row in load(environ={"ASTER_LEVERAGE": "20"}).effective()}
    assert list(rows) == list(DECLARED)
    row = rows["ASTER_LEVERAGE"]
    assert (row.value, row.default, row.source.value, row.unit, row.bounds) == ("20", "10", "environment", "x", "1 to 125")
    assert row.group == "Risk and sizing"
    assert row.label == "Leverage"
