"""Orders, positions and the account. Only the executor and the bracket guard may import this."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from shared.domain.errors import ContractViolation, OrderRejected, OutcomeUnknown, Permanent
from shared.domain.order import OrderRequest, OrderStatus, VenueOrder
from shared.exchange.account import AccountClient, Pairs, given
from shared.exchange.call import Call, Priority, Security
from shared.exchange.clock import VenueClock
from shared.exchange.http import VenueHttp
from shared.exchange.order_params import order_params
from shared.exchange.parse_orders import parse_algo_order, parse_order
from shared.exchange.venues.shape import Conditional, Endpoint, VenuePolicy
from shared.risk.gate import Approved

_T = TypeVar("_T")
_NOT_THERE = {"order_absent", "cancel_rejected"}


class PrivateClient(AccountClient):
    """The account with its orders."""

    def __init__(
        self, http: VenueHttp, policy: VenuePolicy, clock: VenueClock, *, quote: str = "USDT", reads: Priority = Priority.NORMAL
    ) -> None:
        super().__init__(http, policy, clock, quote=quote, reads=reads)
        self._conditional = policy.conditional

    @property
    def conditional(self) -> Conditional:
        """Where conditional orders live, as far as the venue has told."""
        return self._conditional

    async def place(self, approved: Approved) -> VenueOrder:
        """Send an order once and return it as the venue took it.

        A venue that has moved conditional orders to its algo endpoints says so once; it is remembered. A duplicate client id
        means that an earlier send succeeded: that order is returned.

        Raises:
            OutcomeUnknown: sent, and no usable answer: ask for the client id before anything else.
            OrderRejected: refused, with the venue's number.
            ValueError: the request does not fit its type.
        """
        request = approved.request
        priority = Priority.PROTECT if approved.protective else Priority.NORMAL
        try:
            return await self._place(request, priority, approved.expires_s)
        except OrderRejected as refusal:
            if refusal.code == "use_algo" and request.type.conditional and self._conditional is Conditional.ORDER:
                self._conditional = Conditional.ALGO
                return await self._place(request, priority, approved.expires_s)
            if refusal.code == "duplicate_client_id":
                return await self._adopt(request)
            raise

    async def _place(self, request: OrderRequest, priority: Priority, expires_s: float | None) -> VenueOrder:
        """One POST on the endpoint of the order's kind."""
        algo = request.type.conditional and self._conditional is Conditional.ALGO
        call = Call(
            method="POST",
            path=self._policy.path(Endpoint.ALGO_ORDER if algo else Endpoint.ORDER),
            params=order_params(request, self._conditional),
            weight=self._policy.order_weight,
            orders=1,
            security=Security.SIGNED,
            priority=priority,
            client_id=request.client_id,
            expires_s=expires_s,
        )
        payload = await self._http.request(call)
        try:
            return parse_algo_order(payload) if algo else parse_order(payload)
        except ContractViolation as error:
            raise OutcomeUnknown(
                f"the venue took {request.client_id} but its answer is odd: {error}", client_id=request.client_id
            ) from error

    async def _adopt(self, request: OrderRequest) -> VenueOrder:
        """The order that already has this client id."""
        found = await self.query_order(request.symbol, request.client_id, conditional=request.type.conditional)
        if found is None:
            raise OutcomeUnknown(
                f"the venue calls {request.client_id} a duplicate but does not show it; ask again in a moment", client_id=request.client_id
            )
        return found

    async def cancel(self, symbol: str, *, order: VenueOrder) -> VenueOrder | None:
        """Cancel one order; its state afterwards, or None when the venue does not know it.

        An order that is filled or already cancelled comes back as it is: not an error. A conditional order whose trigger
        has created an ordinary order is cancelled as that one, and the conditional order is returned.

        Raises:
            OutcomeUnknown: sent, and no answer.
        """
        if order.algo and order.status is not OrderStatus.TRIGGERED:
            sent = await self._cancel(Endpoint.ALGO_ORDER, [("algoId", str(order.order_id))], order.client_id)
            if sent is not None:
                return parse_algo_order(sent) if "algoStatus" in sent else replace(order, status=OrderStatus.CANCELED)
            order_now = await self.query_order(symbol, order.client_id, conditional=True)
            if order_now is None or order_now.status is not OrderStatus.TRIGGERED:
                return order_now
            order = order_now
        order_id = order.triggered_order_id if order.algo else order.order_id
        sent = await self._cancel(Endpoint.ORDER, [("symbol", symbol), ("orderId", str(order_id))], order.client_id)
        if sent is None or order.algo:
            return await self.query_order(symbol, order.client_id, conditional=order.algo)
        return parse_order(sent)

    async def _cancel(self, endpoint: Endpoint, params: Pairs, client_id: str) -> dict[str, Any] | None:
        """One DELETE; None when the venue has no such open order."""
        call = Call(
            method="DELETE",
            path=self._policy.path(endpoint),
            params=params,
            security=Security.SIGNED,
            priority=Priority.PROTECT,
            client_id=client_id,
        )
        try:
            payload = await self._http.request(call)
        except OrderRejected as refusal:
            if refusal.code in _NOT_THERE:
                return None
            raise
        return payload if isinstance(payload, dict) else {}

    async def cancel_all(self, symbol: str) -> None:
        """Cancel all ordinary and conditional orders of a symbol; both are tried even if one fails. Safe to repeat."""
        endpoints = [Endpoint.ALL_OPEN_ORDERS]
        if self._conditional is Conditional.ALGO:
            endpoints.append(Endpoint.ALGO_OPEN_ORDERS)
        calls = [self.write("DELETE", endpoint, [("symbol", symbol)], Priority.PROTECT) for endpoint in endpoints]
        _raise_first(await asyncio.gather(*map(self._http.request, calls), return_exceptions=True))

    async def query_order(self, symbol: str, client_id: str, *, conditional: bool) -> VenueOrder | None:
        """An order by client id, the newest of that id; None when the venue says that it does not exist.

        `conditional` asks where conditional orders live; once triggered, the ordinary order has the same client id.
        """
        algo = conditional and self._conditional is Conditional.ALGO
        params = [("clientAlgoId", client_id)] if algo else [("symbol", symbol), ("origClientOrderId", client_id)]
        try:
            payload = await self.read(Endpoint.ALGO_ORDER if algo else Endpoint.ORDER, params)
        except Permanent as refusal:
            if refusal.code in _NOT_THERE:
                return None
            raise
        return parse_algo_order(payload) if algo else parse_order(payload)

    async def open_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """Ordinary and conditional orders that are open, of a symbol or of all; raises when either read fails."""
        params = given(symbol=symbol)
        reads = [self._list(Endpoint.OPEN_ORDERS, params, parse_order)]
        if self._conditional is Conditional.ALGO:
            reads.append(self._list(Endpoint.OPEN_ALGO_ORDERS, params, parse_algo_order))
        return [order for orders in _raise_first(await asyncio.gather(*reads, return_exceptions=True)) for order in orders]

    async def _list(self, endpoint: Endpoint, params: Pairs, parse: Callable[[Any], VenueOrder]) -> list[VenueOrder]:
        """One list of orders."""
        payload = await self.read(endpoint, params, every=not params)
        if not isinstance(payload, list):
            raise ContractViolation(f"{endpoint}: expected an array, got {type(payload).__name__}")
        return [parse(item) for item in payload]


def _raise_first(results: list[_T | BaseException]) -> list[_T]:
    """All results, or the first error: both requests have ended by now, nothing runs on behind the caller's back."""
    good: list[_T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        good.append(result)
    return good
