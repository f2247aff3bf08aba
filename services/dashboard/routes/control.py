"""Start, pause, stop and close: the store first, then the message."""

import secrets
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Answer
from services.dashboard.logic.asking import Preview, preview
from services.dashboard.present import trading_of
from shared.contracts.control import Command, ControlCommand
from shared.contracts.envelope import Outgoing
from shared.domain.control import TradingState
from shared.domain.errors import BusUnavailable

AUTHOR = "dashboard"
DELIVERED_BY_MESSAGE = frozenset({Command.CLOSE_POSITION})
"""Commands that do nothing unless their message arrives; the others are in the store, where the executor finds them by itself."""


class ControlRequest(BaseModel):
    """`confirm` false changes nothing and answers what the command would touch.

    `position_id`: the position that the person saw; without one, the position that the symbol has now is closed.
    """

    command: Command
    reason: Annotated[str, Field(max_length=200)] = ""
    symbol: Annotated[str | None, Field(pattern=r"^[\w-]{2,40}$")] = None
    position_id: Annotated[str | None, Field(max_length=80)] = None
    confirm: bool = False


class Confirmed(Answer):
    """The state as the store confirmed it; `published` false = services learn it from the store only."""

    command: Command
    command_id: str
    state: TradingState | None
    epoch: int | None
    published: bool


class ToConfirm(Answer):
    """What the command would touch."""

    code: str = "confirmation_required"
    preview: Preview


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["control"])

    @routes.post("/api/control", response_model=Confirmed, responses={404: {}, 409: {"model": ToConfirm}, 503: {}})
    async def control(body: ControlRequest) -> Response | Confirmed:
        """Give a command. It is confirmed when the store has it: no order is sent without reading that first."""
        if body.command is Command.CANCEL:
            return _refused(409, "not_offered", "cancelling single orders is not offered here")
        if body.command is Command.CLOSE_POSITION:
            row = None if body.symbol is None else desk.view.position(body.symbol)
            if row is None:
                return _refused(404, "no_such_position", "there is no open position in this symbol")
            if body.position_id not in {None, row.position_id}:
                return _refused(409, "other_position", "that position is closed; another one is open now")
            body = body.model_copy(update={"position_id": row.position_id})
        if not body.confirm:
            asked = ToConfirm(preview=preview(desk.view.positions, body.command, body.symbol))
            return JSONResponse(asked.model_dump(mode="json"), status_code=409)
        return await _carry_out(desk, body)

    return routes


async def _carry_out(desk: Desk, body: ControlRequest) -> Response | Confirmed:
    """Store, then bus."""
    ctx = desk.ctx
    now_ms = ctx.clock.now_ms()
    await ctx.state.init_control(TradingState.PAUSED, author=AUTHOR, now_ms=now_ms)
    after = await ctx.state.command(body.command, author=AUTHOR, reason=body.reason, now_ms=now_ms)
    desk.view.set_trading(trading_of(after))
    command_id = secrets.token_hex(8)
    ctx.log.info("command", command=body.command.value, symbol=body.symbol or "", epoch=after.epoch, command_id=command_id)
    published = await _publish(desk, body, command_id, after.epoch, now_ms)
    if not published and body.command in DELIVERED_BY_MESSAGE:
        words = f"trading is {after.state} (epoch {after.epoch}), but the command did not reach the services: send it again"
        return _refused(503, "bus_unavailable", words)
    return Confirmed(command=body.command, command_id=command_id, state=after.state, epoch=after.epoch, published=published)


async def _publish(desk: Desk, body: ControlRequest, command_id: str, epoch: int, now_ms: int) -> bool:
    """Whether the bus confirmed the message."""
    message = ControlCommand(
        command=body.command,
        command_id=command_id,
        author=AUTHOR,
        reason=body.reason,
        symbol=body.symbol,
        position_id=body.position_id or "",
    )
    try:
        await desk.ctx.bus.publish(Outgoing(message, ts_ms=now_ms, epoch=epoch))
    except BusUnavailable as error:
        desk.ctx.log.warning("command_not_published", command=body.command.value, command_id=command_id, detail=str(error))
        return False
    return True


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status_code=status)
