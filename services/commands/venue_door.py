"""The account at the venue, for commands that talk to it themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from services.commands.place import running_here, settings_here
from shared.config.registry import name_of
from shared.config.settings import Settings, Source
from shared.exchange.private import PrivateClient
from shared.runtime.venue import Venue, open_venue


@dataclass(frozen=True, slots=True)
class Door:
    """Settings, connection and account client."""

    settings: Settings
    venue: Venue
    private: PrivateClient


def settings_of(home: Path | None) -> Settings:
    """The settings here; on paper, the venue that runs in the home unless the settings name another."""
    settings, run = settings_here(), running_here(home)
    if not settings.core.paper or run is None or settings.source(name_of("paper.base")) is Source.ENVIRONMENT:
        return settings
    return replace(settings, paper=settings.paper.model_copy(update={"base": run.venue}))


@asynccontextmanager
async def open_door(settings: Settings) -> AsyncIterator[Door]:
    """A connection with credentials.

    Raises:
        ConfigError: there are none.
    """
    venue = open_venue(settings, "mraster/cli", signed=True)
    try:
        yield Door(settings, venue, PrivateClient(venue.http, venue.policy, venue.clock, quote=settings.core.quote))
    finally:
        await venue.http.aclose()
