"""Where faults strike: between the socket and the handlers, in the events, in the fills."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from services.paper_exchange.auth import Raw
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.logic.desk import UserEvent
from services.paper_exchange.logic.entities import Order
from services.paper_exchange.logic.faults import Fault, FaultKind, Faults, Target
from services.paper_exchange.logic.money import snap_down
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import MESSAGES, Reject

UNKNOWN = b'{"code":-1000,"msg":"Unknown error, please check your request or try again later."}'
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class NoAnswer(Exception):
    """The request was handled and its answer is withheld for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer for {seconds} s")
        self.seconds = seconds


class Answer(Exception):
    """The request is answered with this instead."""

    def __init__(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"answered with {status}")
        self.status = status
        self.body = body
        self.headers = headers


class FaultLayer:
    """Applies the rules of `Faults` to an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.faults = Faults(exchange.options.seed)
        self.cut: Callable[[], None] = lambda: None
        self._stale: dict[tuple[str, bytes], bytes] = {}
        exchange.hub.mute = self._muted
        exchange.event_filter = self._events
        exchange.skew = self.skew_ms
        exchange.desk.shape_fills = self._fills

    @property
    def _now(self) -> float:
        return self.exchange.wall.monotonic_s()

    def _strike(self, kind: FaultKind, target: Target) -> Fault | None:
        return self.faults.strike(kind, target, self._now)

    async def before(self, raw: Raw, params: Params) -> None:
        """What happens to a request before it is looked at.

        Raises:
            Answer, Reject: the request ends here.
        """
        target = Target(raw.method, raw.path, (params.text("symbol") or "").upper())
        if self._strike(FaultKind.OUTAGE, target):
            raise Answer(502, HTML)
        found = self._strike(FaultKind.LATENCY, target)
        if found is not None:
            await asyncio.sleep(float(found.words.get("ms", 1000)) / 1000)
        for kind, status, code in ((FaultKind.RATE_LIMIT, 429, -1003), (FaultKind.BAN, 418, -1003), (FaultKind.HTTP_ERROR, 503, -1001)):
            found = self._strike(kind, target)
            if found is not None:
                raise self._error(found, status, code)
        found = self._strike(FaultKind.UNKNOWN_503, target) if self._unexecuted() else None
        if found is not None:
            raise Answer(503, UNKNOWN)
        if raw.method == "POST" and raw.path.endswith(("/order", "/algoOrder")):
            self._reject(target, params)

    def _unexecuted(self) -> bool:
        standing = self.faults.standing(FaultKind.UNKNOWN_503, self._now)
        return bool(standing) and not standing[0].words.get("executed", False)

    def _reject(self, target: Target, params: Params) -> None:
        types = [fault.words.get("types") for fault in self.faults.standing(FaultKind.REJECT_ORDER, self._now)]
        if types and types[0] and params.text("type") not in types[0]:
            return
        found = self._strike(FaultKind.REJECT_ORDER, target)
        if found is not None:
            code = int(found.words.get("code", -2021))
            raise Reject(code, str(found.words.get("msg", MESSAGES.get(code, "Order rejected."))))

    @staticmethod
    def _error(fault: Fault, status: int, code: int) -> Answer:
        words = fault.words
        status, code = int(words.get("status", status)), int(words.get("code", code))
        if words.get("html"):
            return Answer(status, HTML)
        body = orjson.dumps({"code": code, "msg": str(words.get("msg", MESSAGES.get(code, "error")))})
        wait = words.get("retry_after", 1 if fault.kind is not FaultKind.HTTP_ERROR else None)
        return Answer(status, body, () if wait is None else (("retry-after", str(wait)),))

    def after(self, raw: Raw, params: Params, body: bytes) -> bytes:
        """What happens to an answer once the request was executed.

        Raises:
            Answer, NoAnswer: the client does not get it.
        """
        target = Target(raw.method, raw.path, (params.text("symbol") or "").upper())
        found = self._strike(FaultKind.ACCEPT_THEN_TIMEOUT, target)
        if found is not None:
            raise NoAnswer(float(found.words.get("hold", 30.0)))
        if not self._unexecuted() and self._strike(FaultKind.UNKNOWN_503, target):
            raise Answer(503, UNKNOWN)
        if raw.path.endswith(("/openOrders", "/openAlgoOrders")) and self._strike(FaultKind.STALE_OPEN_ORDERS, target):
            key = (raw.path + target.symbol, raw.headers.get(b"x-mbx-apikey", b""))
            return self._stale.setdefault(key, body)
        return body

    def arm(self, body: Any) -> Fault:
        """Add a rule; one that is an act (dropping the user stream) is done at once."""
        fault = self.faults.add(body, self._now)
        if fault.kind is FaultKind.STALE_OPEN_ORDERS:
            self._stale.clear()
        if fault.kind in {FaultKind.DROP_USER_STREAM, FaultKind.OUTAGE}:
            self._drop(everybody=fault.kind is FaultKind.OUTAGE)
        if fault.kind is FaultKind.DROP_USER_STREAM:
            self._strike(fault.kind, Target(symbol=fault.symbol))
            if fault.words.get("expire"):
                self.exchange.keys.expire_all()
                self.exchange.check_timers()
            self.faults.remove(fault.number)
        return fault

    def _drop(self, *, everybody: bool) -> None:
        if everybody:
            self.cut()
        keys = {key for account in self.exchange.desk.accounts if (key := self.exchange.keys.current(account)) is not None}
        for connection in list(self.exchange.hub.connections):
            if everybody or keys & connection.names.keys():
                connection.close(1001, "going away")

    @property
    def refusing(self) -> bool:
        """Whether new WebSockets are refused (an outage)."""
        return bool(self.faults.standing(FaultKind.OUTAGE, self._now))

    def skew_ms(self) -> int:
        """How far the venue's clock is off."""
        return sum(int(fault.words.get("ms", 0)) for fault in self.faults.standing(FaultKind.CLOCK_SKEW, self._now))

    def _muted(self, name: str, event: str) -> bool:
        kind = FaultKind.SILENT_USER_STREAM if event else FaultKind.SILENT_MARKET_STREAM
        for fault in self.faults.standing(kind, self._now):
            part = str(fault.words.get("stream", ""))
            if (event or part in name) and fault.symbol.lower() in name:
                self._strike(kind, Target(symbol=fault.symbol))
                return True
        return False

    def _events(self, events: list[tuple[str, UserEvent]]) -> list[tuple[str, UserEvent]]:
        if len(events) > 1 and self._strike(FaultKind.SHUFFLE_EVENTS, Target()):
            events.reverse()
        if events and self._strike(FaultKind.DUPLICATE_EVENTS, Target()):
            events = [event for event in events for _ in range(2)]
        return events

    def _fills(self, order: Order, fills: list[tuple[Decimal, Decimal]]) -> list[tuple[Decimal, Decimal]]:
        found = self._strike(FaultKind.PARTIAL_FILL, Target("POST", "/order", order.symbol))
        if found is None:
            return fills
        step = self.exchange.desk.market.rule(order.symbol).step
        if "share" in found.words:
            share = Decimal(str(found.words["share"]))
            kept = [(price, snap_down(quantity * share, step)) for price, quantity in fills]
            return [item for item in kept if item[1] > 0]
        parts = max(1, int(found.words.get("parts", 2)))
        return [piece for price, quantity in fills for piece in _split(price, quantity, parts, step)]


def _split(price: Decimal, quantity: Decimal, parts: int, step: Decimal) -> list[tuple[Decimal, Decimal]]:
    one = snap_down(quantity / parts, step)
    if not one:
        return [(price, quantity)]
    return [(price, one)] * (parts - 1) + [(price, quantity - one * (parts - 1))]
