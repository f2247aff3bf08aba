"""The reference page, the example environment and the editor's schema, all from the declarations.

`python -m shared.config.render --write` writes `docs/configuration.md` and `.env.example`; `--check` fails when they are stale.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from shared.config.choices import Preset
from shared.config.presets import HEADLESS
from shared.config.registry import DECLARED, MASK, Declared, number_text

_INTRO = """\
# Settings

Every setting has one declaration in `shared/config/sections`; this page is generated from them (`make generate`).

A value comes from the strongest of: default, preset (`ASTER_PRESET_MODE`), environment, dashboard; each effective value
knows which one it was. A preset never replaces a value that you set yourself. An empty variable counts as unset.
A variable that begins with `ASTER_`, `FAST_TP_` or `FASTTP_` and is not listed here stops the start, with the name that was
probably meant; all problems are reported at once. Ratios are fractions: 0.01 is one percent.

*Applies* says when a change made on the dashboard takes effect, for settings that can be changed there. Changes of the
environment need a restart. Settings marked
*environment only* cannot be changed on the dashboard, and secrets are never shown.
"""


def render_markdown() -> str:
    """The reference page."""
    parts = [_INTRO]
    for group, rows in _grouped():
        parts.append(f"## {group}\n\n| name | default | allowed | applies | meaning |\n|---|---|---|---|---|")
        parts.extend(_row(declared) for declared in rows)
        parts.append("")
    parts += [_preset_table(), "", _headless_table(), ""]
    return "\n".join(parts)


def _grouped() -> list[tuple[str, list[Declared]]]:
    """Declarations under their heading: the section, then what it groups."""
    found: dict[str, list[Declared]] = {}
    for declared in DECLARED.values():
        heading = declared.title if declared.group == declared.title else f"{declared.title}: {declared.group}"
        found.setdefault(heading, []).append(declared)
    return list(found.items())


def _cell(text: str) -> str:
    """Text that cannot break a table."""
    return text.replace("|", "\\|")


def _default(declared: Declared) -> str:
    """The default for the page."""
    if declared.default_text == MASK:
        return "built in"
    return f"`{declared.default_text}`" if declared.default_text else "empty"


def _notes(declared: Declared) -> str:
    """What else a reader must know."""
    notes = []
    if declared.secret:
        notes.append("Secret.")
    elif not declared.editable:
        notes.append("Environment only.")
    if declared.knob.expert:
        notes.append("Expert.")
    if declared.knob.awaits:
        notes.append(f"**Declared; takes effect when {declared.knob.awaits} lands.**")
    return " ".join(notes)


def _row(declared: Declared) -> str:
    """One line of a table."""
    meaning = f"{declared.description} {_notes(declared)}".strip()
    cells = (f"`{declared.env}`", _default(declared), declared.expected, declared.knob.applies.value, meaning)
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _preset_table() -> str:
    """What the presets set."""
    lines = [
        "## Presets",
        "",
        "`mid` is the default. A dash means that the preset leaves the setting alone. No preset touches the account breakers.",
        "",
    ]
    lines += [f"| name | {' | '.join(Preset)} |", f"|---{'|---' * len(Preset)}|"]
    for name, declared in DECLARED.items():
        if declared.knob.presets:
            lines.append(f"| `{name}` | {' | '.join(declared.knob.presets.get(preset.value, '–') for preset in Preset)} |")  # noqa: RUF001
    return "\n".join(lines)


def _headless_table() -> str:
    """Start values of the command line without a dashboard."""
    lines = [
        "## Start without a dashboard",
        "",
        "A service that is started alone from the command line begins with these values, until a preset, the environment or",
        "the dashboard says otherwise.",
        "",
        "| name | value |",
        "|---|---|",
    ]
    return "\n".join([*lines, *(f"| `{name}` | {text} |" for name, text in HEADLESS.items())])


def render_env_example() -> str:
    """All variables as comments, with their defaults; secrets are left empty."""
    lines = [
        "# MrAster reads these variables. Everything has a default: paper trading works without this file.",
        "# Copy it to .env and uncomment what you change. Full reference: docs/configuration.md",
    ]
    for group, rows in _grouped():
        lines += ["", f"# ---- {group} ----"]
        for declared in rows:
            awaits = f" Takes effect when {declared.knob.awaits} lands." if declared.knob.awaits else ""
            allowed = "" if declared.secret else f" Allowed: {declared.expected}."
            allowed += f" Default: {declared.knob.derived}." if declared.knob.derived else ""
            lines += ["", *wrap(f"{declared.description}{allowed}{awaits}", 110, initial_indent="# ", subsequent_indent="# ")]
            value = "" if declared.secret or declared.knob.derived else declared.shown(declared.default)
            lines.append(f"# {declared.env}={value}")
    return "\n".join(lines) + "\n"


def editor_schema() -> list[dict[str, Any]]:
    """What the dashboard's editor needs, ready for JSON; values of secrets are not part of it."""
    return [_schema(declared) for declared in DECLARED.values()]


def _schema(declared: Declared) -> dict[str, Any]:
    """One setting for the editor; numbers are texts, so that no digit is lost."""
    knob = declared.knob
    low, high = (knob.ge if knob.gt is None else knob.gt), (knob.le if knob.lt is None else knob.lt)
    return {
        "name": declared.env,
        "path": declared.path,
        "section": declared.title,
        "group": declared.group,
        "label": declared.label,
        "kind": declared.kind.value,
        "default": declared.shown(declared.default),
        "derived": knob.derived,
        "unit": knob.unit,
        "minimum": None if low is None else number_text(low),
        "minimum_exclusive": knob.gt is not None,
        "maximum": None if high is None else number_text(high),
        "maximum_exclusive": knob.lt is not None,
        "words": list(knob.words),
        "choices": list(declared.choices),
        "pattern": knob.pattern,
        "expected": declared.expected,
        "description": declared.description,
        "presets": dict(knob.presets),
        "applies": knob.applies.value,
        "expert": knob.expert,
        "secret": declared.secret,
        "editable": declared.editable,
        "awaits": knob.awaits,
    }


def generated() -> Mapping[str, str]:
    """File below the root of the repository -> what it must contain."""
    return {"docs/configuration.md": render_markdown(), ".env.example": render_env_example()}


def stale(root: Path) -> list[str]:
    """Generated files that are missing or differ from what they must contain."""
    return [name for name, text in generated().items() if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text]


def _say(lines: Iterable[str]) -> None:
    """Write to the terminal."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def main(arguments: Sequence[str]) -> int:
    """Write the files, or say which are stale; returns the exit code."""
    root = Path(__file__).resolve().parents[2]
    if list(arguments) == ["--write"]:
        for name, text in generated().items():
            (root / name).write_text(text, encoding="utf-8")
        return 0
    if list(arguments) == ["--check"]:
        old = stale(root)
        _say(f"{name}: stale, run `make generate`" for name in old)
        return 1 if old else 0
    _say(["usage: python -m shared.config.render --check|--write"])
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
