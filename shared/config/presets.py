"""Named sets of start values. Their tables come from the declarations; nothing is listed twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.config.choices import Preset
from shared.config.registry import DECLARED, SECTIONS, Declared
from shared.config.settings import EXPLICIT, Settings, Source

HEADLESS: Mapping[str, str] = MappingProxyType({"ASTER_RSI_BUY_MIN": "52", "ASTER_RSI_SELL_MAX": "48", "ASTER_RISK_PER_TRADE": "0.006"})
"""Start values of the command line without a dashboard; weaker than a chosen preset and than every explicit value."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a preset would like to be different; texts as the environment spells them."""

    name: str
    current: str
    proposed: str
    source: Source


@dataclass(frozen=True, slots=True)
class PresetDiff:
    """What choosing a preset does: `changes` happen, `conflicts` are explicit values that stay unless the user agrees."""

    preset: Preset
    changes: tuple[Change, ...]
    conflicts: tuple[Change, ...]


def preset_values(preset: Preset) -> dict[str, str]:
    """The variables that a preset sets."""
    return {name: declared.knob.presets[preset.value] for name, declared in DECLARED.items() if preset.value in declared.knob.presets}


def preset_diff(settings: Settings, preset: Preset) -> PresetDiff:
    """Compare the effective settings with a preset.

    A setting that only some presets touch falls back to its default under the others. An explicit value is a conflict only
    when the preset itself says something different about it.
    """
    changes: list[Change] = []
    conflicts: list[Change] = []
    for name, declared in DECLARED.items():
        if not declared.knob.presets:
            continue
        wanted = declared.knob.presets.get(preset.value)
        source = settings.source(name)
        current = declared.text(settings.value(name))
        proposed = _normal(declared, wanted) if wanted is not None else declared.text(declared.default)
        if current == proposed:
            continue
        change = Change(name, current, proposed, source)
        if source not in EXPLICIT:
            changes.append(change)
        elif wanted is not None:
            conflicts.append(change)
    return PresetDiff(preset, tuple(changes), tuple(conflicts))


def _normal(declared: Declared, text: str) -> str:
    """The text of a preset as its typed value is written ("1.00" -> "1")."""
    section = SECTIONS[declared.section].model_validate({declared.attribute: text})
    return declared.text(getattr(section, declared.attribute))
