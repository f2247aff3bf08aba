"""The effective settings."""

from fastapi import APIRouter

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Answer
from shared.config.knob import Applies
from shared.config.settings import Source


class SettingRow(Answer):
    """One setting with its value and where that comes from; secrets are masked."""

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


class SettingsAnswer(Answer):
    """All settings, in the order of the reference. `revision` counts changes made on the dashboard."""

    revision: int
    rows: tuple[SettingRow, ...]


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["settings"])

    @routes.get("/api/settings")
    async def settings() -> SettingsAnswer:
        """As this process loaded them; the revision is the store's."""
        revision = await desk.ctx.state.config()
        rows = [SettingRow(**{name: getattr(row, name) for name in SettingRow.model_fields}) for row in desk.ctx.settings.effective()]
        return SettingsAnswer(revision=revision.revision, rows=tuple(rows))

    return routes
