"""The WebSocket API: orders and account questions over one connection, answered with the bodies of REST.

A request is {id, method, params}; signed ones carry apiKey, timestamp and a signature over their parameters in alphabetical order.
"""

import logging
from typing import Any
from urllib.parse import urlencode

import orjson

from services.paper_exchange.auth import Raw, check_time, sign
from services.paper_exchange.call import Call, Route, RouteTable
from services.paper_exchange.exchange import Exchange
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


class WsApi:
    """Serves connections to the WebSocket API."""

    def __init__(self, exchange: Exchange, routes: RouteTable) -> None:
        self.exchange = exchange
        self.routes = routes

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        """One client from handshake to close."""
        await receive()
        await send({"type": "websocket.accept"})
        address = (scope.get("client") or ("", 0))[0]
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            answer = await self._answer(text, address)
            self.exchange.hub.frames += 1
            await send({"type": "websocket.send", "text": orjson.dumps(answer).decode()})

    async def _answer(self, text: str, address: str) -> dict[str, Any]:
        number: Any = None
        limits: list[dict[str, Any]] = []
        try:
            request = orjson.loads(text)
            number = request.get("id") if isinstance(request, dict) else None
            method, params = self._parse(request)
            result = await self._run(method, params, address, limits)
        except orjson.JSONDecodeError:
            return self._error(number, Reject(-1135, "Invalid JSON Request"), limits)
        except Reject as refused:
            return self._error(number, refused, limits)
        except Exception:  # noqa: BLE001 - the border, as for HTTP
            _LOG.exception("request failed: %s", text[:200])
            return self._error(number, reject(-1001), limits)
        return {"id": number, "status": 200, "result": result, "rateLimits": limits}

    @staticmethod
    def _error(number: Any, refused: Reject, limits: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": number, "status": refused.status, "error": refused.body(), "rateLimits": limits}

    @staticmethod
    def _parse(request: Any) -> tuple[str, dict[str, str]]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            raise reject(-1102, name="method")
        params = request.get("params") or {}
        if not isinstance(params, dict):
            raise reject(-1102, name="params")
        return request["method"], {str(name): _text(value) for name, value in params.items() if value is not None}

    async def _run(self, method: str, values: dict[str, str], address: str, limits: list[dict[str, Any]]) -> Any:
        exchange = self.exchange
        exchange.counts.requests += 1
        place = METHODS.get(method)
        if place is None:
            raise Reject(-1000, f"Unknown method {method[:40]}; HMAC keys sign each request and cannot log on.")
        route, params = self.routes[place], Params(values)
        weight = route.weight if isinstance(route.weight, int) else route.weight(params)
        used = exchange.limits.charge_weight(address, weight, exchange.market.scale)
        limits.append({"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400, "count": used})
        exchange.begin()
        raw = Raw(method=place[0], path=place[1], query=urlencode(values).encode(), body=b"", headers={}, address=address)
        if route.mirrored and isinstance(exchange.market, LiveMarket):
            return await self._mirrored(raw, exchange.market)
        return await self._handled(raw, params, route, limits)

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
