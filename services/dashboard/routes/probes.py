"""Whether this process lives, and whether the whole product is ready."""

import asyncio

from fastapi import APIRouter, Response

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Absence, Answer, Missing
from shared.domain.errors import Transient


class Ready(Answer):
    """`missing` names what is not there yet, and why."""

    ready: bool
    missing: tuple[Missing, ...]


class Alive(Answer):
    """The process answers."""

    ok: bool = True


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["probes"])

    @routes.get("/healthz")
    async def healthz() -> Alive:
        """This process answers."""
        return Alive()

    @routes.get("/readyz")
    async def readyz(response: Response) -> Ready:
        """Every service is ready, bus, store and venue answer; otherwise 503 and what is missing."""
        missing = await _missing(desk)
        response.status_code = 503 if missing else 200
        return Ready(ready=not missing, missing=missing)

    return routes


async def _missing(desk: Desk) -> tuple[Missing, ...]:
    """What the view misses, with bus and store asked at this moment."""
    doors = {"bus": desk.ctx.bus.ping, "store": desk.ctx.state.ping}
    answers = await asyncio.gather(*(door() for door in doors.values()), return_exceptions=True)
    silent: list[Missing] = []
    for name, answer in zip(doors, answers, strict=True):
        if isinstance(answer, Transient):
            silent.append(Missing(name=name, reason=Absence.UNAVAILABLE))
        elif isinstance(answer, BaseException):
            raise answer
    rest = (one for one in desk.view.missing(desk.ctx.clock.wall_ms()) if one.name not in doors)
    return (*silent, *rest)
