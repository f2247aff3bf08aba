"""What the API answers about the product itself: mode, trading state, services. Unknown is None with a reason, never zero."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from shared.contracts.ops import ServiceState
from shared.domain.control import TradingState


class Answer(BaseModel):
    """Base of all answers: frozen; money and prices are Decimals, which JSON carries as text."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Unknown(StrEnum):
    """Why a value is not known; translated on the page."""

    NOT_WRITTEN = "not_written"
    STORE_UNAVAILABLE = "store_unavailable"
    VENUE_UNAVAILABLE = "venue_unavailable"
    NOT_REPORTED = "not_reported"
    UNREADABLE = "unreadable"


class Market(StrEnum):
    """Where prices come from; `venue` = the real one."""

    VENUE = "venue"
    LIVE = "live"
    REPLAY = "replay"
    SYNTHETIC = "synthetic"


class Times(Answer):
    """Venue time, this machine's time, and how many seconds of the first pass in one of the second."""

    now_ms: int
    wall_ms: int
    rate: float


class MarketState(StrEnum):
    """Whether prices move: a replay may stand still or be over, a mirror may have lost its source."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    STALE = "stale"


class Mode(Answer):
    """Paper or live, and whose prices; `text` is the badge in English, `market` None = not told yet.

    `speed` is venue seconds per second (0 = lock-step), `note` the paper venue's own words about its choice of prices.
    """

    paper: bool
    market: Market | None
    text: str
    state: MarketState | None = None
    speed: float | None = None
    symbols: int | None = None
    note: str = ""
    unknown: Unknown | None = None


class Trading(Answer):
    """Trading state and epoch; None with a reason when nobody set it or the store does not answer."""

    state: TradingState | None
    epoch: int | None
    reason: str = ""
    author: str = ""
    changed_ms: int | None = None
    unknown: Unknown | None = None


class ServiceRow(Answer):
    """One instance of a service as its last heartbeat described it; `seen_ms` is this machine's time of that."""

    service: str
    instance: str
    pid: int
    uptime_s: float
    version: str
    state: ServiceState
    active: bool
    last_exit: str
    lag: int | None
    memory_bytes: int | None
    seen_ms: int
    fresh: bool


class Absence(StrEnum):
    """Why something that is needed does not count as ready."""

    NO_HEARTBEAT = "no_heartbeat"
    STALE = "stale"
    STARTING = "starting"
    NO_ACTIVE = "no_active"
    UNAVAILABLE = "unavailable"


class Missing(Answer):
    """A service, or `bus`, `store`, `venue`, that is not ready."""

    name: str
    reason: Absence


class Status(Answer):
    """The glance: is everything all right?

    `naked` counts open positions without a resting stop; None when positions are not known. `naked_unknown` counts those
    whose stop nobody described. `naked_longest_ms` is the longest time of this UTC day that a position had no stop, as the guard
    measured it. `quote` is the asset of all money, `interval` the candles that signals come from.
    """

    times: Times
    mode: Mode
    trading: Trading
    services: tuple[ServiceRow, ...]
    ready: bool
    missing: tuple[Missing, ...]
    bus_ok: bool
    store_ok: bool
    venue_ok: bool
    open_positions: int | None
    naked: int | None
    naked_unknown: int
    naked_longest_ms: int | None
    store_read_ms: int | None
    version: str
    quote: str
    interval: str
