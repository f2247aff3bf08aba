"""One way to ask the venue something: signed, within the limits, with every failure named for what it means."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from shared.domain.errors import ClockSkew, ConfigError, ContractViolation, ExchangeUnavailable, MrasterError, RateLimited
from shared.exchange.call import Call, Security
from shared.exchange.clock import SPEED_HEADER, VenueClock
from shared.exchange.codes import Reaction
from shared.exchange.lean import LeanTransport
from shared.exchange.ratelimit import RateLimiter
from shared.exchange.signing import Signer, encode
from shared.exchange.venues.shape import Endpoint, VenuePolicy
from shared.exchange.verdict import Answer, error_for, is_refusal, lost, read_answer

_MAX_RECV_WINDOW_MS = 60_000
_MAX_REFUSED_TIMESTAMPS = 3
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
NOT_SENT_IN_TIME = "not_sent_in_time"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Settings of the HTTP client; times are ours, not the venue's.

    `read_wait_s` and `order_wait_s`: how long a request waits for room in the rate limit before `RateLimited` is raised; an
    order that waits long is stale. `transport` replaces our own lean one (httpx's, another HTTP library, a recording); with
    `proxy` httpx's is used.
    """

    retries: int = 2
    backoff_s: float = 0.6
    timeout_s: float = 20.0
    connect_timeout_s: float = 5.0
    recv_window_ms: int = 5000
    read_wait_s: float = 65.0
    order_wait_s: float = 1.0
    sync_every_s: float = 1800.0
    connections: int = 64
    user_agent: str = "mraster"
    proxy: str | None = None
    transport: httpx.AsyncBaseTransport | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class VenueHttp:
    """The connection pool, the limits and the clock of one venue. One per process and venue."""

    def __init__(self, policy: VenuePolicy, clock: VenueClock, signer: Signer | None = None, options: HttpOptions | None = None) -> None:
        self.policy = policy
        self.clock = clock
        self.limiter = RateLimiter(clock, policy.limits)
        self._signer = signer
        self._options = options or HttpOptions()
        self._client = _client(self._options)
        self._jitter = random.SystemRandom()
        self._sync_lock = asyncio.Lock()
        self._syncs = 0
        self._refused_timestamps = 0

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def request(self, call: Call) -> Any:
        """The decoded JSON of a successful answer; "already so" counts as success and gives an empty object.

        Reads are repeated with growing waits; nothing else is, but for one repetition with a corrected timestamp, which the
        venue refused before executing anything.

        Raises:
            Transient: the venue cannot be asked now (`ExchangeUnavailable`, `RateLimited`).
            OutcomeUnknown: an order or its cancel was sent and no answer tells what became of it.
            Permanent: the venue refused (`OrderRejected` for orders, `UnknownInstrument`, others by their slug).
            ClockSkew: the venue keeps refusing our timestamps.
        """
        attempt = 0
        corrected = False
        while True:
            seen = self._syncs
            outcome = await self._attempt(call)
            if isinstance(outcome, Answer):
                if outcome.reaction is Reaction.ALREADY:
                    return {}
                if outcome.reaction in {Reaction.RESYNC, Reaction.NEW_NONCE} and not corrected:
                    corrected = True
                    await self._resync(seen)
                    continue
                outcome = self._final(call, outcome)
            if not isinstance(outcome, MrasterError):
                return outcome
            if not self._again(call, attempt, outcome):
                raise outcome
            await self._options.sleep(self._backoff_s(attempt))
            attempt += 1

    async def sync_clock(self) -> None:
        """Bring the clock together with the venue's: the best of two measurements, of three when they are slow.

        Raises:
            ClockSkew: even the quickest round trip leaves more doubt than a signed request may have.
            Transient: the venue does not answer.
        """
        async with self._sync_lock:
            await self._sync()

    async def keep_clock(self) -> None:
        """Synchronise again and again; a loop for a service's task group. A failed round is tried again at the next."""
        while True:
            await self._options.sleep(self._options.sync_every_s)
            try:
                await self.sync_clock()
            except (ExchangeUnavailable, RateLimited) as error:
                _LOG.warning("venue time not read: %s", error)

    async def _attempt(self, call: Call) -> Any:
        """One sending: the payload, an `Answer` for a refusal, or an error that is not raised yet."""
        await self._wait_for_room(call)
        request = self._build(call)
        # asked after the request has its timestamp: a process that stood still is caught here or by the venue's window
        if call.expires_s is not None and self.clock.monotonic_s() > call.expires_s:
            return ExchangeUnavailable(f"{call.label}: not sent, it would have come too late", code=NOT_SENT_IN_TIME)
        try:
            response = await self._client.send(request)
        except _NOT_SENT as error:
            return ExchangeUnavailable(f"{call.label}: cannot connect to {self.policy.rest_base} ({type(error).__name__})")
        except httpx.HTTPError as error:
            return lost(call, f"{call.label}: no answer ({type(error).__name__})")
        return self._read(call, response)

    def _read(self, call: Call, response: httpx.Response) -> Any:
        """Judge an answer and learn from its headers."""
        headers = response.headers
        self.limiter.learn(headers)
        if (speed := headers.get(SPEED_HEADER)) is not None:
            self.clock.hear_speed(speed)
        if response.is_success:
            try:
                payload = orjson.loads(response.content)
            except orjson.JSONDecodeError:
                return _unreadable(call)
            if not is_refusal(payload):
                if call.security is Security.SIGNED:
                    self._refused_timestamps = 0
                return payload
        answer = read_answer(
            response.status_code,
            headers,
            response.content,
            every_503_unknown=self.policy.every_503_unknown,
            now_ms=self.clock.limits_ms(),
        )
        self._obey(answer)
        return answer

    def _obey(self, answer: Answer) -> None:
        """Stop everybody when the venue says stop."""
        if answer.reaction is Reaction.WEIGHT_LIMIT:
            self.limiter.block(answer.retry_after_s, answer.rule.slug)
        elif answer.reaction is Reaction.ORDER_LIMIT:
            self.limiter.block_orders()

    def _final(self, call: Call, answer: Answer) -> MrasterError:
        """The error of a refusal that stands."""
        if answer.reaction is Reaction.RESYNC:
            self._refused_timestamps += 1
            if self._refused_timestamps >= _MAX_REFUSED_TIMESTAMPS:
                return ClockSkew(
                    f"{self.policy.rest_base} keeps refusing our timestamps ({answer.message!r}) although its time was read anew; "
                    "check this machine's clock and the latency to the venue"
                )
        return error_for(call, answer)

    def _again(self, call: Call, attempt: int, error: MrasterError) -> bool:
        """Whether to repeat: reads only, for passing troubles only."""
        return call.repeatable and attempt < self._options.retries and isinstance(error, ExchangeUnavailable | RateLimited)

    def _backoff_s(self, attempt: int) -> float:
        """The first wait, doubled with each attempt, between half and all of it."""
        return float(self._options.backoff_s * 2**attempt * self._jitter.uniform(0.5, 1.0))

    async def _wait_for_room(self, call: Call) -> None:
        """Wait until the limits have room and count the request.

        Raises:
            RateLimited: it would take longer than this kind of request may wait.
        """
        patience_s = self._options.order_wait_s if call.orders else self._options.read_wait_s
        while wait_s := self.limiter.reserve(call):
            if wait_s > patience_s:
                raise self.limiter.refusal(call, wait_s)
            patience_s -= wait_s
            await self._options.sleep(wait_s)

    def _build(self, call: Call) -> httpx.Request:
        """The request exactly as it will be sent; what is signed is not encoded again."""
        headers: dict[str, str] = {}
        if call.security is Security.PUBLIC:
            text = encode(call.params)
        else:
            signer = self._require_signer(call)
            headers.update(signer.headers())
            text = encode(call.params) if call.security is Security.KEY else self._signed(signer, call)
        url = f"{self.policy.rest_base}{call.path}"
        if self.policy.body_params and call.method != "GET":
            headers["Content-Type"] = _FORM
            return self._client.build_request(call.method, url, headers=headers, content=text.encode())
        return self._client.build_request(call.method, f"{url}?{text}" if text else url, headers=headers)

    def _signed(self, signer: Signer, call: Call) -> str:
        """The signed parameters, stamped with venue time."""
        window_ms = min(_MAX_RECV_WINDOW_MS, self.clock.horizon_ms(self._options.recv_window_ms))
        return signer.sign(call.params, timestamp_ms=self.clock.request_ms(window_ms), recv_window_ms=window_ms)

    def _require_signer(self, call: Call) -> Signer:
        """The signer, which a process that trades was started with."""
        if self._signer is None:
            raise ConfigError(f"{call.label} needs credentials: set the API key and secret of {self.policy.rest_base}")
        return self._signer

    async def _resync(self, seen: int) -> None:
        """Synchronise unless another task has done it since our request was signed."""
        async with self._sync_lock:
            if self._syncs == seen:
                await self._sync()

    async def _sync(self) -> None:
        """Measure and take the quickest round trip."""
        samples = [await self._measure(), await self._measure()]
        if self._doubtful(min(samples)):
            samples.append(await self._measure())
        trip_s, received_s, server_ms, speed = min(samples)
        if self._doubtful((trip_s, received_s, server_ms, speed)):
            raise ClockSkew(
                f"reading the time of {self.policy.rest_base} takes {trip_s:.1f} s, more than signed requests may differ; "
                "check the connection to the venue"
            )
        self.clock.sync(server_ms, received_s - trip_s, received_s, speed or None)
        self._syncs += 1

    def _doubtful(self, sample: "_Sample") -> bool:
        """Whether half a round trip is more than the window of a signed request."""
        return sample[0] * 500 > self._options.recv_window_ms

    async def _measure(self) -> "_Sample":
        """One reading of the venue's time."""
        call = Call(method="GET", path=self.policy.path(Endpoint.TIME), weight=self.policy.weight(Endpoint.TIME))
        await self._wait_for_room(call)
        sent_s = self.clock.monotonic_s()
        try:
            response = await self._client.send(self._build(call))
        except httpx.HTTPError as error:
            raise ExchangeUnavailable(f"{call.label}: {self.policy.rest_base} does not answer ({type(error).__name__})") from error
        received_s = self.clock.monotonic_s()
        payload = self._read(call, response)
        if isinstance(payload, Answer):
            raise error_for(call, payload)
        if isinstance(payload, MrasterError):
            raise payload
        return received_s - sent_s, received_s, _server_time(payload), response.headers.get(SPEED_HEADER, "")


_Sample = tuple[float, float, int, str]
"""Round trip in seconds, when it ended, the venue's time, the speed header ("" when absent)."""
_LOG = logging.getLogger(__name__)


def _client(options: HttpOptions) -> httpx.AsyncClient:
    """A client with its own settings only: proxies come from our settings, not from the environment."""
    for name in ("httpx", "httpcore"):
        # they log whole addresses, and an address of a signed request holds its signature
        logging.getLogger(name).setLevel(logging.WARNING)
    transport = options.transport
    if transport is None and options.proxy is None:
        transport = LeanTransport(most=options.connections)
    return httpx.AsyncClient(
        transport=transport,
        proxy=options.proxy if transport is None else None,
        timeout=httpx.Timeout(options.timeout_s, connect=min(options.connect_timeout_s, options.timeout_s)),
        limits=httpx.Limits(max_connections=options.connections, max_keepalive_connections=options.connections, keepalive_expiry=30.0),
        headers={"User-Agent": options.user_agent, "Accept-Encoding": "gzip"},
        http2=False,
        trust_env=False,
    )


def _unreadable(call: Call) -> MrasterError:
    """A success whose body is not JSON: an order was probably taken, a read gave nothing."""
    said = f"{call.label}: HTTP 200 with a body that is not JSON"
    return lost(call, said) if call.client_id is not None else ContractViolation(said)


def _server_time(payload: Any) -> int:
    """`{"serverTime": 1700000000000}`."""
    value = payload.get("serverTime") if isinstance(payload, dict) else None
    if not isinstance(value, int):
        raise ContractViolation("GET time: field 'serverTime' is missing or not a whole number")
    return value
