"""The WebSocket API: orders and account questions over one connection, answered with the bodies of REST.

A request is {id, method, params}; signed ones carry apiKey, timestamp and a signature over their parameters in alphabetical order.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from services.paper_exchange.auth import Raw, check_time, sign
from services.paper_exchange.call import Call, Route, RouteTable
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.fault_layer import Answer, FaultLayer, NoAnswer
from services.paper_exchange.live_market import LiveMarket
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import Reject, reject
from services.paper_exchange.websocket import Message, Receive, Send

_LOG = logging.getLogger("mraster.paper_exchange")

PATH = "/ws-fapi/v1"
METHODS = {
    "ping": ("GET", "/fapi/v1/ping"),
    "time": ("GET", "/fapi/v1/time"),
    "depth": ("GET", "/fapi/v1/depth"),
    "ticker.price": ("GET", "/fapi/v1/ticker/price"),
    "ticker.book": ("GET", "/fapi/v1/ticker/bookTicker"),
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
    "userDataStream.start": ("POST", "/fapi/v1/listenKey"),
    "userDataStream.ping": ("PUT", "/fapi/v1/listenKey"),
    "userDataStream.stop": ("DELETE", "/fapi/v1/listenKey"),
}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(slots=True)
class _Ask:
    """One request: its id as sent, the limits that it was counted against, and whether they are to be told."""

    address: str
    tell_limits: bool
    number: Any = None
    limits: list[dict[str, Any]] = field(default_factory=list)

    def reply(self, status: int, name: str, body: Any) -> bytes:
        """The answer as sent."""
        shown = {"id": self.number, "status": status, name: body}
        return orjson.dumps({**shown, "rateLimits": self.limits} if self.tell_limits else shown)


class WsApi:
    """Serves connections to the WebSocket API. Ordered faults strike its requests as they strike those of REST."""

    def __init__(self, exchange: Exchange, routes: RouteTable, faults: FaultLayer | None = None) -> None:
        self.exchange = exchange
        self.routes = routes
        self.faults = faults
        self._open: set[Send] = set()
        self._closing: set[asyncio.Task[None]] = set()
        if faults is not None:
            faults.cut = self.cut

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        """One client from handshake to close."""
        await receive()
        if self._down:
            await send({"type": "websocket.close", "code": 1013, "reason": "try again later"})
            return
        await send({"type": "websocket.accept"})
        self._open.add(send)
        try:
            await self._talk(scope, receive, send)
        finally:
            self._open.discard(send)

    @property
    def _down(self) -> bool:
        return self.faults is not None and self.faults.refusing

    def cut(self) -> None:
        """Close every connection."""
        for send in self._open:
            task = asyncio.ensure_future(_close(send))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _talk(self, scope: Message, receive: Receive, send: Send) -> None:
        address = (scope.get("client") or ("", 0))[0]
        tell = b"returnratelimits=false" not in scope["query_string"].lower()
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            answer = await self._answer(text, _Ask(address, tell))
            if self._down:
                await _close(send)
                return
            if answer is not None:
                self.exchange.hub.frames += 1
                await send({"type": "websocket.send", "text": answer.decode()})

    async def _answer(self, text: str, ask: _Ask) -> bytes | None:
        """The answer to a message; None when it is withheld."""
        try:
            request = orjson.loads(text)
            ask.number = request.get("id") if isinstance(request, dict) else None
            method, params = self._parse(request)
            ask.tell_limits = ask.tell_limits and params.get("returnRateLimits") != "false"
            return ask.reply(200, "result", await self._run(method, params, ask))
        except orjson.JSONDecodeError:
            return self._error(ask, Reject(-1135, "Invalid JSON Request"))
        except Reject as refused:
            return self._error(ask, refused)
        except NoAnswer:
            return None
        except Answer as instead:
            return self._instead(ask, instead)
        except Exception:  # noqa: BLE001 - the border, as for HTTP
            _LOG.exception("request failed: %s", text[:200])
            return self._error(ask, reject(-1001))

    def _error(self, ask: _Ask, refused: Reject) -> bytes:
        body: dict[str, Any] = dict(refused.body())
        wait = dict(refused.headers).get("retry-after")
        if wait is not None:
            now = self.exchange.wall.wall_ms()
            body["data"] = {"serverTime": now, "retryAfter": now + int(wait) * 1000}
        return ask.reply(refused.status, "error", body)

    def _instead(self, ask: _Ask, instead: Answer) -> bytes:
        """An ordered answer; a page of HTML cannot come this way, so its place is taken by an error of its status."""
        try:
            body = orjson.loads(instead.body)
        except orjson.JSONDecodeError:
            body = reject(-1001).body()
        return self._error(ask, Reject(int(body["code"]), str(body["msg"]), instead.status, instead.headers))

    @staticmethod
    def _parse(request: Any) -> tuple[str, dict[str, str]]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            raise reject(-1102, name="method")
        params = request.get("params") or {}
        if not isinstance(params, dict):
            raise reject(-1102, name="params")
        return request["method"], {str(name): _text(value) for name, value in params.items() if value is not None}

    async def _run(self, method: str, values: dict[str, str], ask: _Ask) -> Any:
        exchange = self.exchange
        exchange.counts.requests += 1
        place = METHODS.get(method)
        if place is None:
            return self._session(method)
        route, params = self.routes[place], Params(values)
        key = values.get("apiKey", "").encode()
        query, headers = urlencode(values).encode(), {b"x-mbx-apikey": key}
        raw = Raw(method=place[0], path=place[1], query=query, body=b"", headers=headers, address=ask.address)
        if self.faults is not None:
            await self.faults.before(raw, params)
        weight = route.weight if isinstance(route.weight, int) else route.weight(params)
        used = exchange.limits.charge_weight(ask.address, weight, exchange.market.scale)
        ask.limits.append({"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400, "count": used})
        exchange.begin()
        if route.mirrored and isinstance(exchange.market, LiveMarket):
            return await self._mirrored(raw, exchange.market)
        result = await self._handled(raw, params, route, ask.limits)
        if self.faults is not None:
            self.faults.after(raw, params, b"")
        return result

    def _session(self, method: str) -> Any:
        """Methods of the session itself; only keys of another kind (Ed25519) can log on."""
        if method == "session.status":
            now = self.exchange.now_ms()
            return {"apiKey": None, "authorizedSince": None, "connectedSince": now, "returnRateLimits": True, "serverTime": now}
        if method == "session.logon":
            raise Reject(-4056, "HMAC_SHA256 API key is not supported.")
        raise Reject(-1000, f"Unknown method {method[:40]}.")

    @staticmethod
    async def _mirrored(raw: Raw, market: LiveMarket) -> Any:
        status, body, _ = await market.forward(raw)
        found = orjson.loads(body)
        if status != 200:
            raise Reject(int(found["code"]), str(found["msg"]), status)
        return found

    async def _handled(self, raw: Raw, params: Params, route: Route, limits: list[dict[str, Any]]) -> Any:
        exchange = self.exchange
        account = self._identify(params, route)
        if route.orders and account is not None:
            used = exchange.limits.charge_orders(account.key, route.orders, exchange.market.scale)
            for interval, length, most, count in (("SECOND", 10, 300, used[0]), ("MINUTE", 1, 1200, used[1])):
                limits.append({"rateLimitType": "ORDERS", "interval": interval, "intervalNum": length, "limit": most, "count": count})
            if isinstance(exchange.market, LiveMarket):
                await exchange.market.refresh((params.text("symbol") or "").upper())
        try:
            return route.handler(Call(raw=raw, params=params, exchange=exchange, account=account))
        finally:
            exchange.flush()

    def _identify(self, params: Params, route: Route) -> Any:
        """The account of a request's apiKey; the signature covers the parameters in alphabetical order (-2014, -2015, -1022)."""
        if route.security == "none":
            return None
        key = params.text("apiKey")
        if key is None:
            raise reject(-2014)
        account = self.exchange.desk.accounts.get(key)
        if account is None:
            raise reject(-2015)
        if route.security == "signed":
            check_time(params, self.exchange.times())
            covered = sorted((name, value) for name, value in params.values().items() if name != "signature")
            payload = "&".join(f"{name}={value}" for name, value in covered)
            if params.need("signature").lower() != sign(account.secret, payload.encode()):
                raise reject(-1022)
        return account


async def _close(send: Send) -> None:
    # the client may be gone already
    with contextlib.suppress(RuntimeError):
        await send({"type": "websocket.close", "code": 1001, "reason": "going away"})
