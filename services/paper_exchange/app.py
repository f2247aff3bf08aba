"""The ASGI application: HTTP calls to handlers, errors to the venue's error bodies, WebSockets to the hub."""

import asyncio
import contextlib
import inspect
import logging
from urllib.parse import parse_qsl

import orjson

from services.paper_exchange.auth import Raw, check_signature, check_time, find_account
from services.paper_exchange.call import Call, Route, RouteTable, Security, Text
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.fault_layer import HTML, Answer, FaultLayer, NoAnswer
from services.paper_exchange.live_market import LiveMarket
from services.paper_exchange.logic.entities import Account
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import Reject, reject
from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.wallet_auth import WalletAuth
from services.paper_exchange.websocket import Message, Receive, Send, Sockets
from services.paper_exchange.ws_api import PATH, WsApi

_LOG = logging.getLogger("mraster.paper_exchange")
_BODY_MOST = 1_000_000

Headers = list[tuple[bytes, bytes]]


def read_params(raw: Raw) -> Params:
    """Parameters of query and body; the query wins when a name is in both (-1101 when there are too many)."""
    try:
        pairs = [
            *parse_qsl(raw.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200),
            *parse_qsl(raw.query.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200),
        ]
    except ValueError as error:
        raise reject(-1101) from error
    return Params(dict(pairs))


async def read_body(receive: Receive) -> bytes:
    """The whole body (-1101 when it is too big)."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > _BODY_MOST:
            raise reject(-1101)
        if not message.get("more_body", False):
            return b"".join(parts)


class App:
    """One callable for uvicorn."""

    def __init__(self, exchange: Exchange, routes: RouteTable, sockets: Sockets) -> None:
        self.exchange = exchange
        self.routes = routes
        self.sockets = sockets
        self.faults = FaultLayer(exchange) if exchange.options.faults else None
        if self.faults is not None:
            layer = self.faults
            exchange.fault_layer = layer
            sockets.refusing = lambda: layer.refusing
        self.ws_api = WsApi(exchange, routes, self.faults) if exchange.desk.dialect is Dialect.BINANCE else None
        self.wallets = WalletAuth() if exchange.desk.dialect is Dialect.ASTER else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"].rstrip("/") == PATH and self.ws_api is not None:
            await self.ws_api.serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.sockets.serve(scope, receive, send)

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        headers: Headers = []
        try:
            raw = Raw(
                method="GET" if scope["method"] == "HEAD" else scope["method"],
                path=scope["path"],
                query=scope["query_string"],
                body=await read_body(receive),
                headers=dict(scope["headers"]),
                address=(scope.get("client") or ("", 0))[0],
            )
            status, body = await self._answer(raw, headers)
        except Answer as instead:
            status, body = instead.status, instead.body
            headers += [(name.encode(), value.encode()) for name, value in instead.headers]
        except NoAnswer as silence:
            await _wait_for_disconnect(receive, silence.seconds)
            status, body = 504, HTML
        except Reject as refused:
            status, body = refused.status, orjson.dumps(refused.body())
            headers += [(name.encode(), value.encode()) for name, value in refused.headers]
        except Exception:  # noqa: BLE001 - logged with its trace
            # The border: a client must get the venue's error body whatever went wrong, and the log the reason.
            _LOG.exception("request failed: %s %s", scope["method"], scope["path"])
            status, body = 503, orjson.dumps(reject(-1001).body())
        await _respond(send, status, body, [*headers, (b"x-mraster-speed", self.exchange.speed_header().encode())])

    async def _answer(self, raw: Raw, headers: Headers) -> tuple[int, bytes]:
        route = self.routes.get((raw.method, raw.path))
        control = raw.path.startswith("/paper/")
        self.exchange.counts.requests += not control
        if route is None:
            raise reject(-5000, path=raw.path, method=raw.method)
        params = read_params(raw)
        if not control:
            return await self._venue(raw, params, route, headers)
        account = self._identify(raw, params, route)
        return 200, await self._handle(Call(raw=raw, params=params, exchange=self.exchange, account=account), route, headers)

    async def _venue(self, raw: Raw, params: Params, route: Route, headers: Headers) -> tuple[int, bytes]:
        """A call of the venue's own API: faults, weight, mirror or handler, order counts, faults again."""
        exchange = self.exchange
        if self.faults is not None:
            await self.faults.before(raw, params)
        self._charge(raw, params, route, headers)
        exchange.begin()
        if route.mirrored and isinstance(exchange.market, LiveMarket):
            return await self._mirror(raw, headers, exchange.market)
        account = self._identify(raw, params, route)
        if route.orders and isinstance(exchange.market, LiveMarket):
            await exchange.market.refresh((params.text("symbol") or "").upper())
        body = await self._handle(Call(raw=raw, params=params, exchange=exchange, account=account), route, headers)
        if route.orders and account is not None:
            short, long = exchange.limits.charge_orders(account.key, 0, exchange.market.scale)
            headers += [(b"x-mbx-order-count-10s", str(short).encode()), (b"x-mbx-order-count-1m", str(long).encode())]
        return 200, body if self.faults is None else self.faults.after(raw, params, body)

    def _charge(self, raw: Raw, params: Params, route: Route, headers: Headers) -> None:
        weight = route.weight if isinstance(route.weight, int) else route.weight(params)
        used = self.exchange.limits.charge_weight(raw.address, weight, self.exchange.market.scale)
        if "funding" not in raw.path:
            headers.append((b"x-mbx-used-weight-1m", str(used).encode()))

    async def _mirror(self, raw: Raw, headers: Headers, market: LiveMarket) -> tuple[int, bytes]:
        status, body, kept = await market.forward(raw)
        headers[:] = [header for header in headers if header[0].decode() not in kept]
        headers += [(name.encode(), value.encode()) for name, value in kept.items()]
        return status, body

    async def _handle(self, call: Call, route: Route, headers: Headers) -> bytes:
        try:
            found = route.handler(call)
            answer = await found if inspect.isawaitable(found) else found
        finally:
            self.exchange.flush()
            if route.orders and isinstance(self.exchange.market, LiveMarket):
                self.exchange.market.watch()
        if isinstance(answer, Text):
            headers.append((b"content-type", answer.content_type.encode()))
            return answer.text.encode()
        return orjson.dumps(answer)

    def _identify(self, raw: Raw, params: Params, route: Route) -> Account | None:
        if route.security is Security.NONE:
            return None
        if self.wallets is not None and raw.path.startswith("/fapi/v3/"):
            account = self.wallets.identify(raw, params, self.exchange.desk.accounts.values(), self.exchange.times())
            self.exchange.limits.charge_orders(account.key, route.orders, self.exchange.market.scale)
            return account
        account = find_account(raw, self.exchange.desk.accounts)
        if route.security is Security.SIGNED:
            check_time(params, self.exchange.times())
            check_signature(raw, params, account.secret)
        if route.orders:
            self.exchange.limits.charge_orders(account.key, route.orders, self.exchange.market.scale)
        return account


async def _wait_for_disconnect(receive: Receive, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass


async def _respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"text/html" if body[:1] == b"<" else b"application/json"))
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})
