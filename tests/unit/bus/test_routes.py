"""Which streams and core subjects a tail follows, and addresses without secrets."""

import asyncio

import pytest

from shared.bus.link import address
from shared.bus.outbox import Outbox
from shared.bus.routes import routes
from shared.contracts.registry import MODELS
from shared.contracts.topic import STREAMS
from shared.domain.errors import BusUnavailable, ContractViolation
from tests.fakes.eventually import eventually


def test_everything_follows_all_streams_and_only_our_core_subjects() -> None:
    plan = routes([">"], MODELS)
    assert set(plan.streams) == {spec.name for spec in STREAMS}
    assert sorted(plan.streams["ORDER"]) == ["order.v1.>", "position.v1.>"]
    assert sorted(plan.core) == ["hb.v1.*.*", "log.v1.*.*"]


def test_narrow_patterns_become_filters() -> None:
    plan = routes(["order.v1.filled.*", "trade.v1.closed.BTCUSDT", "log.v1.scanner.error"], MODELS)
    assert plan.streams == {"ORDER": ["order.v1.filled.*"], "TRADE": ["trade.v1.closed.BTCUSDT"]}
    assert plan.core == ["log.v1.scanner.error"]


@pytest.mark.parametrize("pattern", ["nobody.v1.>", "hb.v1.scanner", "md"])
def test_a_pattern_that_matches_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ContractViolation, match="expected a pattern"):
        routes(["md.v1.>", pattern], MODELS)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://user:secret@host:1234", "nats://host:1234"),
        ("nats://host", "nats://host:4222"),
        ("tls://token@10.0.0.1:4443", "tls://10.0.0.1:4443"),
    ],
)
def test_an_address_shows_no_secret(url: str, shown: str) -> None:
    assert address(url) == shown


async def test_the_outbox_sends_in_order_counts_failures_and_empties_at_the_end() -> None:
    sent: list[str] = []

    async def publish(subject: str, data: bytes) -> None:
        assert data == b"x"
        if subject == "bad":
            raise BusUnavailable("away")
        sent.append(subject)

    outbox = Outbox(publish, size=3)
    assert [outbox.put(s, b"x") for s in ("a", "bad", "b", "c")] == [True, True, True, False]
    outbox.start()
    await eventually(lambda: sent == ["a", "b"])
    assert outbox.dropped == 2
    outbox.put("d", b"x")
    await outbox.stop(1)
    assert sent == ["a", "b", "d"]


async def test_the_outbox_does_not_wait_for_ever_at_the_end() -> None:
    async def publish(_subject: str, _data: bytes) -> None:
        await asyncio.Event().wait()

    outbox = Outbox(publish)
    outbox.start()
    outbox.put("a", b"x")
    async with asyncio.timeout(2):
        await outbox.stop(0.05)
