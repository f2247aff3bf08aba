"""Moving the stop of a position: asked of the bracket guard, confirmed when the venue has it."""

import asyncio
import secrets
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, model_validator

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Answer
from services.dashboard.logic.rows import PositionRow
from services.dashboard.logic.stop_moves import WORDS, StopMoved, StopPreview, stop_preview
from services.dashboard.routes.control import AUTHOR
from shared.contracts.bracket import StopRefusal
from shared.contracts.control import StopMove, StopMoveKind
from shared.contracts.envelope import Outgoing
from shared.domain.errors import BusUnavailable
from shared.domain.units import Price

WAIT_S = 12.0
LOOK_S = 0.05
HIGHEST = Decimal(10) ** 12


class StopRequest(BaseModel):
    """`price` for the kind `price` only. `confirm` false changes nothing and answers where the position stands."""

    symbol: Annotated[str, Field(pattern=r"^[\w-]{2,40}$")]
    kind: StopMoveKind
    price: Annotated[Decimal | None, Field(gt=0, le=HIGHEST, allow_inf_nan=False, max_digits=28)] = None
    reason: Annotated[str, Field(max_length=200)] = ""
    confirm: bool = False

    @model_validator(mode="after")
    def _price_fits(self) -> "StopRequest":
        if (self.price is not None) is not (self.kind is StopMoveKind.PRICE):
            raise ValueError("expected a price with the kind price, and none with break_even")
        return self


class StopToConfirm(Answer):
    """Where the position stands."""

    code: str = "confirmation_required"
    preview: StopPreview


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["control"])

    @routes.post("/api/stop", response_model=StopMoved, responses={404: {}, 409: {"model": StopToConfirm}, 503: {}, 504: {}})
    async def move_stop(body: StopRequest) -> Response | StopMoved:
        """Move a stop to break-even or to a price, on the tick. It is never loosened; a refusal (409) is a code with words."""
        row = desk.view.position(body.symbol)
        if row is None:
            return _refused(404, StopRefusal.NO_POSITION.value, WORDS[StopRefusal.NO_POSITION])
        if not body.confirm:
            return JSONResponse(StopToConfirm(preview=stop_preview(row)).model_dump(mode="json"), status_code=409)
        return await _carry_out(desk, body, row)

    return routes


async def _carry_out(desk: Desk, body: StopRequest, row: PositionRow) -> Response | StopMoved:
    """Publish, then wait for the guard's answer."""
    ctx = desk.ctx
    command = StopMove(
        kind=body.kind,
        command_id=secrets.token_hex(8),
        author=AUTHOR,
        symbol=body.symbol,
        reason=body.reason,
        position_id=row.position_id or "",
        price=None if body.price is None else Price(body.price),
    )
    ctx.log.info(
        "command", command="stop_move", symbol=body.symbol, kind=body.kind.value, price=str(body.price), command_id=command.command_id
    )
    try:
        await ctx.bus.publish(Outgoing(command, ts_ms=ctx.clock.now_ms()))
    except BusUnavailable as error:
        ctx.log.warning("command_not_published", command="stop_move", command_id=command.command_id, detail=str(error))
        return _refused(503, "bus_unavailable", "the message bus did not answer; the stop stays where it is. Try again")
    answer = await _answer(desk, command.command_id)
    if answer is None:
        return _refused(504, "unanswered", "the bracket guard has not answered in time; the stop may still move")
    if isinstance(answer, StopRefusal):
        return _refused(409, answer.value, WORDS[answer])
    return answer


async def _answer(desk: Desk, command_id: str) -> StopMoved | StopRefusal | None:
    """The guard's answer, which comes the way of all events."""
    end_s = desk.ctx.clock.monotonic_s() + WAIT_S
    while desk.ctx.clock.monotonic_s() < end_s and not desk.ctx.stopping.is_set():
        found = desk.view.stop_moves.get(command_id)
        if found is not None:
            return found
        await asyncio.sleep(LOOK_S)
    return None


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status_code=status)
