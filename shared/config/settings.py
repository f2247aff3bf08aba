"""All settings together, each with the source of its value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every section; `Settings()` holds the defaults."""

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

    def source(self, name: str) -> Source:
        """Where the value of a variable comes from."""
        return self.sources.get(name, Source.DEFAULT)
