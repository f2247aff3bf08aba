"""Presets: their table, what a change of preset does, and that it never hides a decision."""

from decimal import Decimal

import pytest

from shared.config.choices import Preset
from shared.config.load import load
from shared.config.presets import HEADLESS, preset_diff, preset_values
from shared.config.registry import DECLARED
from shared.config.settings import Settings, Source

TABLE = {
    "ASTER_RISK_PER_TRADE": "0.004 0.007 0.015 0.0075",
    "ASTER_LEVERAGE": "4 10 max max",
    "ASTER_EQUITY_FRACTION": "0.33 0.66 1.00 1.00",
    "ASTER_SL_ATR_MULT": "1.1 1.0 1.3 0.9",
    "ASTER_TP_ATR_MULT": "1.8 1.6 2.3 1.6",
    "ASTER_TREND_BIAS": "with with with against",
    "FASTTP_MIN_R": "0.18 0.30 0.32 0.20",
    "FAST_TP_RET1": "-0.0007 -0.0010 -0.0013 -0.0005",
    "FAST_TP_RET3": "-0.0014 -0.0020 -0.0026 -0.0012",
    "FASTTP_SNAP_ATR": "0.20 0.25 0.30 0.18",
    "FASTTP_COOLDOWN_S": "60 15 30 40",
    "ASTER_FUNDING_MAX_LONG": "0.0007 0.0010 0.0014 0.0011",
    "ASTER_FUNDING_MAX_SHORT": "0.0009 0.0010 0.0018 0.0013",
    "ASTER_ALPHA_THRESHOLD": "0.60 0.55 0.52 0.60",
    "ASTER_ALPHA_PROMOTE_DELTA": "0.18 0.15 0.12 0.16",
}


def test_table() -> None:
    for index, preset in enumerate(Preset):
        wanted = {name: row.split()[index] for name, row in TABLE.items()}
        if preset in {Preset.HIGH, Preset.ATT}:
            wanted["ASTER_AI_DAILY_BUDGET_USD"] = "none"
        assert preset_values(preset) == wanted


@pytest.mark.parametrize("preset", Preset)
def test_every_preset_is_valid(preset: Preset) -> None:
    loaded = load(environ={"ASTER_PRESET_MODE": preset.value})
    assert {name for name, source in loaded.sources.items() if source is Source.PRESET} == set(preset_values(preset))
    assert preset_diff(loaded, preset).changes == ()


def test_mid_is_the_default() -> None:
    loaded = load(environ={"ASTER_PRESET_MODE": "mid"})
    assert {name: loaded.value(name) for name in DECLARED} == {name: declared.default for name, declared in DECLARED.items()}


@pytest.mark.parametrize("preset", Preset)
def test_breakers_are_never_touched(preset: Preset) -> None:
    assert not preset_values(preset).keys() & {"ASTER_MAX_DAILY_LOSS", "ASTER_MAX_DRAWDOWN", "ASTER_MAX_LOSS_STREAK", "ASTER_MAX_OPEN_RISK"}


@pytest.mark.parametrize("preset", ["high", "att"])
def test_the_bold_presets_lift_the_ai_limit_unless_there_is_one_of_ones_own(preset: str) -> None:
    assert load(environ={"ASTER_PRESET_MODE": preset}).budget.uncapped
    for limit in ("0", "5"):
        kept = load(environ={"ASTER_PRESET_MODE": preset, "ASTER_AI_DAILY_BUDGET_USD": limit})
        assert kept.budget.daily_usd == Decimal(limit)


def test_diff_shows_what_would_change() -> None:
    diff = preset_diff(Settings(), Preset.LOW)
    changes = {change.name: (change.current, change.proposed) for change in diff.changes}
    assert changes["ASTER_LEVERAGE"] == ("10", "4")
    assert changes["FASTTP_COOLDOWN_S"] == ("15", "60")
    assert "ASTER_TREND_BIAS" not in changes
    assert "ASTER_AI_DAILY_BUDGET_USD" not in changes
    assert diff.conflicts == ()


def test_diff_falls_back_to_the_default_where_a_preset_says_nothing() -> None:
    diff = preset_diff(load(environ={"ASTER_PRESET_MODE": "high"}), Preset.MID)
    assert {change.name: change.proposed for change in diff.changes}["ASTER_AI_DAILY_BUDGET_USD"] == "20"


def test_explicit_values_are_conflicts() -> None:
    loaded = load(environ={"ASTER_LEVERAGE": "20", "ASTER_SL_ATR_MULT": "1.10"}, overrides={"ASTER_RISK_PER_TRADE": "0.01"})
    diff = preset_diff(loaded, Preset.LOW)
    assert {change.name: (change.current, change.proposed, change.source) for change in diff.conflicts} == {
        "ASTER_LEVERAGE": ("20", "4", Source.ENVIRONMENT),
        "ASTER_RISK_PER_TRADE": ("0.01", "0.004", Source.OVERRIDE),
    }
    assert not {change.name for change in diff.changes} & {"ASTER_LEVERAGE", "ASTER_SL_ATR_MULT", "ASTER_RISK_PER_TRADE"}


def test_an_explicit_value_that_the_preset_leaves_alone_is_no_conflict() -> None:
    assert preset_diff(load(environ={"ASTER_AI_DAILY_BUDGET_USD": "3"}), Preset.LOW).conflicts == ()
    conflicts = preset_diff(load(environ={"ASTER_AI_DAILY_BUDGET_USD": "3"}), Preset.HIGH).conflicts
    assert [(change.name, change.proposed) for change in conflicts] == [("ASTER_AI_DAILY_BUDGET_USD", "none")]


def test_diff_matches_what_choosing_the_preset_does() -> None:
    start = load(environ={"ASTER_LEVERAGE": "20"}, headless=True)
    for preset in Preset:
        chosen = load(environ={"ASTER_LEVERAGE": "20", "ASTER_PRESET_MODE": preset.value}, headless=True)
        diff = preset_diff(start, preset)
        expected = {name: DECLARED[name].text(start.value(name)) for name in DECLARED} | {"ASTER_PRESET_MODE": preset.value}
        expected |= {change.name: change.proposed for change in diff.changes}
        assert {name: DECLARED[name].text(chosen.value(name)) for name in DECLARED} == expected


def test_headless_values_are_declared() -> None:
    assert set(HEADLESS) <= set(DECLARED)
