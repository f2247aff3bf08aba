"""From layers of text to checked settings: default < headless start < preset < environment < override."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr, ValidationError

from shared.config.choices import Preset
from shared.config.presets import HEADLESS, preset_values
from shared.config.problems import InvalidSettings, Problem, found_text
from shared.config.registry import DECLARED, PREFIXES, SECTIONS, name_of
from shared.config.settings import Settings, Source

NOTHING: Mapping[str, str] = MappingProxyType({})

Layered = dict[str, tuple[str, Source]]


def resolve(*, environment: Mapping[str, str], overrides: Mapping[str, str] = NOTHING, headless: bool = False) -> Settings:
    """Check everything and build the settings.

    Args:
        environment: all variables of the process; only ours are looked at. An empty value counts as unset.
        overrides: values changed on the dashboard, by variable; here an empty text is a value.
        headless: start from the values of the command line without a dashboard.

    Raises:
        InvalidSettings: a `ConfigError` that lists every problem.
    """
    ours = {name: text.strip() for name, text in environment.items() if name.upper().startswith(PREFIXES) and text.strip()}
    problems = [*_unknown(ours), *_unknown(overrides), *_not_editable(overrides)]
    known = {name: text for name, text in ours.items() if name in DECLARED}
    values = _layers(known, overrides, headless=headless)
    sections: dict[str, Any] = {}
    for section in SECTIONS:
        try:
            sections[section] = _build(section, values)
        except InvalidSettings as error:
            problems += error.problems
    if problems:
        raise InvalidSettings(sorted(set(problems)))
    return Settings(
        **sections,
        sources={name: source for name, (_, source) in values.items()},
        environment={name: SecretStr(text) for name, text in known.items()},
        headless=headless,
    )


def with_overrides(settings: Settings, overrides: Mapping[str, str]) -> Settings:
    """The same environment under another set of overrides; how the dashboard tries a change and how a service takes one.

    Raises:
        InvalidSettings: a `ConfigError` that lists every problem; the old settings stay valid.
    """
    environment = {name: text.get_secret_value() for name, text in settings.environment.items()}
    return resolve(environment=environment, overrides=overrides, headless=settings.headless)


def _layers(environment: Mapping[str, str], overrides: Mapping[str, str], *, headless: bool) -> Layered:
    """Text and source per variable; later layers win."""
    chosen = {**environment, **overrides}.get(name_of("core.preset"), "").strip().lower()
    preset = preset_values(Preset(chosen)) if chosen in set(Preset) else {}
    layers = (
        (HEADLESS if headless else NOTHING, Source.HEADLESS),
        (preset, Source.PRESET),
        (environment, Source.ENVIRONMENT),
        ({name: text for name, text in overrides.items() if name in DECLARED}, Source.OVERRIDE),
    )
    return {name: (text, source) for layer, source in layers for name, text in layer.items()}


def _unknown(names: Iterable[str]) -> list[Problem]:
    """A problem for each name that nobody declared; their values are not repeated, they may be secrets."""
    return [Problem(name, f"unknown setting{_suggestion(name)}") for name in names if name not in DECLARED]


def _suggestion(name: str) -> str:
    """The declared name that was probably meant."""
    close = get_close_matches(name.upper(), DECLARED, n=1, cutoff=0.75)
    return f", did you mean {close[0]}?" if close else "; docs/configuration.md lists all settings"


def _not_editable(overrides: Iterable[str]) -> list[Problem]:
    """Secrets, addresses and files cannot be changed over HTTP."""
    return [
        Problem(name, "expected only in the environment, found among the dashboard's overrides")
        for name in overrides
        if name in DECLARED and not DECLARED[name].editable
    ]


def _build(section: str, values: Layered) -> object:
    """One section from its values.

    Raises:
        InvalidSettings: every problem of this section.
    """
    names = {declared.attribute: name for name, declared in DECLARED.items() if declared.section == section}
    given = {attribute: values[name][0] for attribute, name in names.items() if name in values}
    try:
        return SECTIONS[section].model_validate(given)
    except ValidationError as error:
        problems = _problems(error, names, values)
    raise InvalidSettings(problems)


def _problems(error: ValidationError, names: Mapping[str, str], values: Layered) -> list[Problem]:
    """Our words for pydantic's findings; a field that nobody set is never a cause (its default depends on one that is)."""
    found: list[Problem] = []
    for detail in error.errors(include_url=False, include_input=False):
        if not detail["loc"]:
            name, _, text = str(detail.get("ctx", {}).get("error", detail["msg"])).partition(": ")
            found.append(Problem(name, text))
            continue
        name = names[str(detail["loc"][0])]
        if name in values:
            text, source = values[name]
            declared = DECLARED[name]
            origin = "" if source is Source.ENVIRONMENT else f" ({source.value})"
            found.append(Problem(name, f"expected {declared.expected}, found {found_text(declared, text)}{origin}"))
    return found
