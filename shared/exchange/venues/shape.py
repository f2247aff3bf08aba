"""What may differ between Binance-compatible venues, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Dialect(StrEnum):
    """Which API generation a venue speaks. ASTER is V3 (EIP-712), ASTER_V1 the older one with HMAC keys."""

    BINANCE = "binance"
    ASTER = "aster"
    ASTER_V1 = "aster-v1"


class Conditional(StrEnum):
    """Where orders with a trigger live: on endpoints of their own, or among the ordinary orders."""

    ALGO = "algo"
    ORDER = "order"


class Signing(StrEnum):
    """How private requests prove who sends them."""

    HMAC = "hmac"
    EIP712 = "eip712"


class WsLayout(StrEnum):
    """ROUTED: /public, /market and /private in front of the stream paths. FLAT: /ws and /stream at the root."""

    ROUTED = "routed"
    FLAT = "flat"


class LeverageSource(StrEnum):
    """Which endpoint tells leverage and margin type of a symbol."""

    SYMBOL_CONFIG = "symbol_config"
    POSITION_RISK = "position_risk"


class PositionShape(StrEnum):
    """SLIM rows lack leverage and margin type and exist for active symbols only; FULL rows have them, for all symbols."""

    SLIM = "slim"
    FULL = "full"


class Endpoint(StrEnum):
    """The endpoints that the client uses."""

    TIME = "time"
    EXCHANGE_INFO = "exchangeInfo"
    KLINES = "klines"
    TICKER_24H = "ticker/24hr"
    BOOK_TICKER = "ticker/bookTicker"
    PREMIUM_INDEX = "premiumIndex"
    FUNDING_INFO = "fundingInfo"
    DEPTH = "depth"
    ORDER = "order"
    OPEN_ORDERS = "openOrders"
    ALL_OPEN_ORDERS = "allOpenOrders"
    ALGO_ORDER = "algoOrder"
    OPEN_ALGO_ORDERS = "openAlgoOrders"
    ALGO_OPEN_ORDERS = "algoOpenOrders"
    POSITION_RISK = "positionRisk"
    ACCOUNT = "account"
    USER_TRADES = "userTrades"
    INCOME = "income"
    LEVERAGE = "leverage"
    MARGIN_TYPE = "marginType"
    POSITION_MODE = "positionSide/dual"
    SYMBOL_CONFIG = "symbolConfig"
    LEVERAGE_BRACKET = "leverageBracket"
    COMMISSION_RATE = "commissionRate"
    LISTEN_KEY = "listenKey"


@dataclass(frozen=True, slots=True)
class Weight:
    """IP weight of a request for one symbol, and for all of them at once."""

    one: int
    every: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the venue allows: IP weight per minute, orders per minute and (where it exists) per ten seconds."""

    weight_per_minute: int
    orders_per_minute: int
    orders_per_10s: int | None


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What one WebSocket connection may do. `messages_per_s` counts what we send; `lifetime_s` is when to rotate."""

    streams: int
    messages_per_s: int
    names_per_message: int
    lifetime_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePolicy:
    """One venue: addresses, paths, costs and habits.

    `every_503_unknown`: the venue does not tell a refused request from a lost answer when it is overloaded.
    `body_params`: writes carry their parameters as a form body, else in the query.
    """

    dialect: Dialect
    rest_base: str
    ws_base: str
    ws_layout: WsLayout
    signing: Signing
    chain_id: int
    conditional: Conditional
    position_shape: PositionShape
    leverage_source: LeverageSource
    body_params: bool
    listen_key_signed: bool
    every_503_unknown: bool
    activation_param: str
    order_weight: int
    limits: Limits
    stream_limits: StreamLimits
    maker_default: Decimal
    taker_default: Decimal
    paths: Mapping[Endpoint, str]
    weights: Mapping[Endpoint, Weight]

    def path(self, endpoint: Endpoint) -> str:
        """Path of an endpoint, with its version.

        Raises:
            KeyError: the venue does not have it.
        """
        return self.paths[endpoint]

    def weight(self, endpoint: Endpoint, *, every: bool = False) -> int:
        """IP weight of a request that does not depend on a limit parameter."""
        cost = self.weights.get(endpoint, _CHEAP)
        return cost.every if every else cost.one

    def stream_url(self, route: str) -> str:
        """Address of combined streams; `route` is one of `route_of`."""
        return f"{self.ws_base}{_prefix(self.ws_layout, route)}/stream"

    def user_stream_url(self, listen_key: str) -> str:
        """Address of the private stream of a listen key."""
        if self.ws_layout is WsLayout.ROUTED:
            return f"{self.ws_base}/private/ws?listenKey={listen_key}"
        return f"{self.ws_base}/ws/{listen_key}"

    def route_of(self, stream: str) -> str:
        """Which kind of connection carries a stream: "public" or "market", or "" where all may share one."""
        if self.ws_layout is WsLayout.FLAT:
            return ""
        kind = stream.partition("@")[2].partition("@")[0] if not stream.startswith("!") else stream[1:].partition("@")[0]
        return "public" if kind.startswith(_PUBLIC_KINDS) else "market"


_CHEAP = Weight(1, 1)
_PUBLIC_KINDS = ("bookTicker", "depth", "rpiDepth")


def _prefix(layout: WsLayout, route: str) -> str:
    """The part of a stream path that names the route."""
    return f"/{route}" if layout is WsLayout.ROUTED and route else ""


def klines_weight(limit: int) -> int:
    """Weight of a kline request by its row limit, with the edges measured live (100, 500 and 1000 belong to the cheaper step)."""
    return _by_limit(limit, ((100, 1), (500, 2), (1000, 5)), 10)


def depth_weight(limit: int) -> int:
    """Weight of a book snapshot by its number of levels."""
    return _by_limit(limit, ((50, 2), (100, 5), (500, 10)), 20)


def _by_limit(limit: int, steps: tuple[tuple[int, int], ...], most: int) -> int:
    """The cost of the first step that holds `limit`."""
    return next((cost for upto, cost in steps if limit <= upto), most)
