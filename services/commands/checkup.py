"""The checks of `mraster doctor`: each one says what it found and what to do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from services.commands.venue_door import Door
from shared.config.choices import Dialect as DialectChoice
from shared.domain.control import TradingState
from shared.domain.errors import MrasterError, Permanent
from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import OrderRequest, OrderType, Side, TimeInForce, client_id, intent_hash
from shared.domain.units import Ratio, Usd
from shared.exchange.call import Call, Security
from shared.exchange.events import UserEvent
from shared.exchange.stream import UserStream
from shared.exchange.venues.shape import Dialect
from shared.risk import gate
from shared.risk.sizing import Sized
from shared.runtime.venue import open_venue

_STREAM_S = 10.0
_OFFSET_WARN_MS, _OFFSET_FAIL_MS = 500, 1_000
_RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
_RESTRICTIONS_OF = {"fapi.binance.com": "https://api.binance.com"}
"""Where a venue tells what a key may do, by the host of its futures API."""


class Status(StrEnum):
    """How a check ended; only `failed` keeps from trading."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result; `fix` says what to do about it."""

    check: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for."""

    fix: bool = False
    allow_withdrawals: bool = False


Check = Callable[[Door, Wishes], Awaitable[Finding]]


async def clock(door: Door, _wishes: Wishes) -> Finding:
    """This machine's clock against the venue's."""
    await door.venue.http.sync_clock()
    offset = door.venue.clock.offset_ms
    if offset is None:
        return Finding("clock", Status.OK, "the venue replays: its own time is used")
    status = Status.OK if abs(offset) <= _OFFSET_WARN_MS else Status.WARNING if abs(offset) <= _OFFSET_FAIL_MS else Status.FAILED
    fix = "" if status is Status.OK else "synchronise this machine's clock (NTP)"
    return Finding("clock", status, f"the venue is {offset} ms ahead", fix)


async def keys(door: Door, _wishes: Wishes) -> Finding:
    """Whether the account can be read with the credentials."""
    try:
        view = await door.private.account()
    except Permanent as error:
        return Finding("keys", Status.FAILED, str(error), "set the API key and secret of this venue; check the key's IP list")
    status = Status.OK if view.equity > 0 else Status.WARNING
    return Finding("keys", status, f"equity {view.equity} {door.settings.core.quote}", "" if status is Status.OK else "pay in some money")


async def permissions(door: Door, wishes: Wishes) -> Finding:
    """A trading key needs no right to withdraw."""
    if door.venue.paper:
        return Finding("permissions", Status.SKIPPED, "paper trading: there is nothing to withdraw")
    base = _RESTRICTIONS_OF.get(urlsplit(str(door.settings.core.exchange_base)).netloc)
    if base is None or door.venue.policy.dialect is not Dialect.BINANCE:
        return Finding(
            "permissions", Status.WARNING, "this venue does not tell what a key may do", "use a key (or signer) that cannot withdraw"
        )
    return rights_finding(await _rights(door, base), allow_withdrawals=wishes.allow_withdrawals)


def rights_finding(rights: dict[str, object], *, allow_withdrawals: bool) -> Finding:
    """What the venue's answer about a key means. What it does not say counts as the worse."""
    if not isinstance(rights.get("enableWithdrawals"), bool):
        return Finding("permissions", Status.FAILED, "the venue does not say whether the key may withdraw", "try again later")
    if rights["enableWithdrawals"] and not allow_withdrawals:
        return Finding("permissions", Status.FAILED, "the key may withdraw", "make a key without that right (or --allow-withdrawals)")
    if not rights.get("enableFutures"):
        return Finding("permissions", Status.FAILED, "the key may not trade futures", "give the key the futures permission")
    if rights["enableWithdrawals"]:
        return Finding("permissions", Status.WARNING, "the key may withdraw, which was accepted", "a key that only trades is safer")
    bound = bool(rights.get("ipRestrict"))
    return Finding("permissions", Status.OK if bound else Status.WARNING, "may trade futures", "" if bound else "bind the key to your IP")


async def _rights(door: Door, base: str) -> dict[str, object]:
    """What the venue says about the key; it lives on another host."""
    core = door.settings.core.model_copy(update={"exchange_base": base, "venue_dialect": DialectChoice.BINANCE})
    venue = open_venue(replace(door.settings, core=core), "mraster/cli", signed=True)
    try:
        found: dict[str, object] = await venue.http.request(Call(method="GET", path=_RESTRICTIONS, security=Security.SIGNED))
    finally:
        await venue.http.aclose()
    return found


async def position_mode(door: Door, wishes: Wishes) -> Finding:
    """One-way mode."""
    if not await door.private.position_mode():
        return Finding("position_mode", Status.OK, "one-way")
    if not wishes.fix:
        return Finding("position_mode", Status.FAILED, "hedge mode", "close all positions, then: mraster doctor --fix")
    try:
        await door.private.set_position_mode(hedge=False)
    except Permanent as error:
        return Finding("position_mode", Status.FAILED, str(error), "close all positions and cancel all orders first")
    hedge = await door.private.position_mode()
    return Finding("position_mode", Status.FAILED if hedge else Status.OK, "hedge mode" if hedge else "switched to one-way")


async def brackets(door: Door, _wishes: Wishes) -> Finding:
    """The venue's margin tables."""
    tables = await door.private.leverage_brackets()
    listed = [i.symbol for i in (await door.venue.public.exchange_info()).values() if i.trading]
    missing = [symbol for symbol in listed if not tables.get(symbol)]
    if len(missing) == len(listed):
        return Finding("leverage_brackets", Status.FAILED, "the venue tells none", "check the key's permissions")
    detail = f"{len(listed) - len(missing)} of {len(listed)} symbols"
    return Finding(
        "leverage_brackets", Status.WARNING if missing else Status.OK, detail, "the others trade with leverage 1" if missing else ""
    )


async def stream(door: Door, _wishes: Wishes) -> Finding:
    """The user stream connects."""
    connected = asyncio.Event()

    async def ready() -> None:
        connected.set()

    async def ignore(_event: UserEvent) -> None:
        pass

    users = UserStream(door.private, door.venue.policy, door.venue.clock, ignore, ready, options=door.venue.streams)
    task = asyncio.create_task(users.run())
    try:
        async with asyncio.timeout(_STREAM_S):
            await connected.wait()
    except TimeoutError:
        return Finding("stream", Status.FAILED, f"not connected within {_STREAM_S:.0f} s", "check that WebSockets get through your network")
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, MrasterError):
            await task
    return Finding("stream", Status.OK, "connected")


async def round_trip(door: Door, _wishes: Wishes) -> Finding:
    """A post-only order far from the market: placed, found, cancelled."""
    if not door.venue.paper:
        return Finding("order_round_trip", Status.SKIPPED, "only on paper: no order is placed with real money")
    instrument = next(i for i in (await door.venue.public.exchange_info()).values() if i.trading)
    request, sized = await _far_order(door, instrument)
    now = door.venue.clock.now_ms()
    context = gate.EntryContext(
        state=TradingState.RUNNING, epoch=0, plan_epoch=0, now_ms=now, valid_until_ms=now, instrument_trading=instrument.trading
    )
    approved = gate.entry(request, sized, context)
    if isinstance(approved, gate.Refused):
        return Finding("order_round_trip", Status.FAILED, approved.detail)
    await door.private.place(approved)
    found = await door.private.query_order(request.symbol, request.client_id, conditional=False)
    if found is None:
        return Finding("order_round_trip", Status.FAILED, "the venue does not know the order it took")
    gone = await door.private.cancel(request.symbol, order=found)
    good = gone is not None and not gone.status.open and gone.filled == 0
    return Finding("order_round_trip", Status.OK if good else Status.FAILED, f"{instrument.symbol}: placed, found, cancelled")


async def _far_order(door: Door, instrument: Instrument) -> tuple[OrderRequest, Sized]:
    """The smallest buy, a few percent below the market."""
    marks = {mark.symbol: mark.mark for mark in await door.venue.public.premium_index()}
    price = instrument.price(marks[instrument.symbol] * 0.97, Rounding.DOWN)
    quantity = instrument.smallest_qty(price)
    sized = Sized(quantity, Usd(quantity * price), Usd(quantity * price), Usd(price * 0), Ratio(price * 0 + 1), quantity, ())
    request = OrderRequest(
        symbol=instrument.symbol,
        side=Side.BUY,
        type=OrderType.LIMIT,
        client_id=client_id(intent_hash(f"doctor:{door.venue.clock.wall_ms()}"), "e"),
        quantity=quantity,
        price=price,
        time_in_force=TimeInForce.GTX,
    )
    return request, sized


CHECKS: tuple[Check, ...] = (clock, keys, permissions, position_mode, brackets, stream, round_trip)
_NAMES: dict[Check, str] = {brackets: "leverage_brackets", round_trip: "order_round_trip"}
"""How a check is called where its function has another name."""


async def examine(door: Door, wishes: Wishes) -> list[Finding]:
    """All checks in order. One that cannot be made is failed, and the rest goes on."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings.append(await check(door, wishes))
        except MrasterError as error:
            findings.append(Finding(_NAMES.get(check, check.__name__), Status.FAILED, str(error), "is the venue reachable?"))
    return findings
