"""A scripted venue and clients for it, quick to give up."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest

from shared.exchange.clock import VenueClock
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.private import PrivateClient
from shared.exchange.public import PublicClient
from shared.exchange.signing import Eip712Signer, HmacSigner
from shared.exchange.venues.policy import VenuePolicy, policy_for
from tests.fakes.venue_server import Asked, Reply, VenueServer

SECRET = "planted-secret-7f3a"
AGENT_KEY = "0x" + "4c" * 32


@dataclass
class Rig:
    """Everything a test of the client needs; `slept` are the waits that the client asked for, which cost no time here."""

    server: VenueServer
    policy: VenuePolicy
    clock: VenueClock
    http: VenueHttp
    public: PublicClient
    private: PrivateClient
    slept: list[float]


def server_time(_: Asked) -> Reply:
    """GET time of a real venue."""
    return Reply(body={"serverTime": time.time_ns() // 1_000_000})


def make_rig(server: VenueServer, dialect: str = "binance", transport: httpx.AsyncBaseTransport | None = None) -> Rig:
    """Clients of one dialect for the scripted venue."""
    policy = policy_for(server.http_url, dialect, ws_base=server.ws_url)
    clock = VenueClock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    signer = Eip712Signer(AGENT_KEY, chain_id=policy.chain_id) if dialect == "aster" else HmacSigner("key", SECRET)
    options = HttpOptions(timeout_s=0.3, connect_timeout_s=0.3, backoff_s=0.5, sleep=sleep, transport=transport)
    http = VenueHttp(policy, clock, signer, options)
    server.on("GET", policy.paths[next(e for e in policy.paths if e == "time")], server_time)
    return Rig(server, policy, clock, http, PublicClient(http, policy, clock), PrivateClient(http, policy, clock), slept)


@pytest.fixture
async def server() -> AsyncIterator[VenueServer]:
    async with VenueServer() as running:
        yield running


@pytest.fixture(params=["lean", "httpx"])
async def rig(server: VenueServer, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    made = make_rig(server, transport=None if request.param == "lean" else httpx.AsyncHTTPTransport())
    yield made
    await made.http.aclose()


@pytest.fixture
async def aster(server: VenueServer) -> AsyncIterator[Rig]:
    made = make_rig(server, "aster")
    yield made
    await made.http.aclose()


def impatient(rig: Rig, **changes: float) -> None:
    """Change the waiting times of a rig's HTTP client."""
    rig.http._options = replace(rig.http._options, **changes)
