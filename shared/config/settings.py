"""All settings together, each with the source of its value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import SecretStr

from shared.config.knob import Applies
from shared.config.registry import DECLARED
from shared.config.sections.advisor import Advisor
from shared.config.sections.budget import Budget
from shared.config.sections.core import Core
from shared.config.sections.dashboard import Dashboard
from shared.config.sections.exits import Exits
from shared.config.sections.filters import Filters
from shared.config.sections.infra import Infra
from shared.config.sections.paper import Paper
from shared.config.sections.risk import Risk
from shared.config.sections.sentinel import Sentinel
from shared.config.sections.strategy import Strategy
from shared.config.sections.universe import Universe


class Source(StrEnum):
    """Where a value comes from, weakest first."""

    DEFAULT = "default"
    HEADLESS = "headless"
    PRESET = "preset"
    ENVIRONMENT = "environment"
    OVERRIDE = "override"


EXPLICIT = frozenset({Source.ENVIRONMENT, Source.OVERRIDE})
"""Sources that are a person's own decision; a preset never replaces them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveRow:
    """One setting as `mraster config` and the dashboard show it; secrets are masked."""

    name: str
    group: str
    label: str
    value: str
    default: str
    source: Source
    unit: str
    bounds: str
    description: str
    applies: Applies
    awaits: str
    """The feature that the setting waits for; empty when it takes effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every section; `Settings()` holds the defaults. Safe to print: no secret is in its text."""

    core: Core = field(default_factory=Core)
    paper: Paper = field(default_factory=Paper)
    universe: Universe = field(default_factory=Universe)
    strategy: Strategy = field(default_factory=Strategy)
    filters: Filters = field(default_factory=Filters)
    risk: Risk = field(default_factory=Risk)
    exits: Exits = field(default_factory=Exits)
    advisor: Advisor = field(default_factory=Advisor)
    sentinel: Sentinel = field(default_factory=Sentinel)
    budget: Budget = field(default_factory=Budget)
    infra: Infra = field(default_factory=Infra)
    dashboard: Dashboard = field(default_factory=Dashboard)
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Variable name -> source, for every value that is not the default."""
    environment: Mapping[str, SecretStr] = field(default_factory=dict, repr=False, compare=False)
    """What the environment said, kept because an override may hide it and be taken back; masked, it may hold passwords."""
    headless: bool = field(default=False, repr=False)
    """Whether the start values of the command line without a dashboard apply."""

    def value(self, name: str) -> object:
        """The typed value of a variable.

        Raises:
            KeyError: no setting has this name.
        """
        declared = DECLARED[name]
        value: object = getattr(getattr(self, declared.section), declared.attribute)
        return value

    def source(self, name: str) -> Source:
        """Where the value of a variable comes from.

        Raises:
            KeyError: no setting has this name.
        """
        return self.sources.get(DECLARED[name].env, Source.DEFAULT)

    def effective(self) -> list[EffectiveRow]:
        """Every setting with its value and source, in the order of the reference."""
        return [
            EffectiveRow(
                name=name,
                group=declared.group,
                label=declared.label,
                value=declared.shown(self.value(name)),
                default=declared.default_text,
                source=self.source(name),
                unit=declared.knob.unit,
                bounds=declared.bounds,
                description=declared.description,
                applies=declared.knob.applies,
                awaits=declared.knob.awaits,
            )
            for name, declared in DECLARED.items()
        ]

    def explicit(self, source: Source) -> dict[str, str]:
        """The effective values from one source as text that can be loaded again. Reveals secrets: never log or send it."""
        return {name: DECLARED[name].text(self.value(name)) for name, found in self.sources.items() if found is source}

    def waiting(self) -> dict[str, str]:
        """Variables that somebody set although their feature is not built yet -> that feature; worth a warning at start."""
        return {
            name: DECLARED[name].knob.awaits for name, found in self.sources.items() if found in EXPLICIT and DECLARED[name].knob.awaits
        }
