"""The table from exception to fate, dead letters, and the rule about horizons and windows."""

import pytest

from shared.bus.consumer import lane_key
from shared.bus.delivery import Window
from shared.bus.memory_broker import MemoryStream
from shared.bus.port import Consumption
from shared.bus.verdict import BODY_LIMIT, Fate, dead_letter, exhausted, judge
from shared.contracts.registry import PAYLOADS
from shared.contracts.topic import CANDLE, CONTROL_COMMAND, MD, ORDER_EVENT, Topic
from shared.domain.errors import (
    BusLost,
    BusUnavailable,
    ConfigError,
    ContractViolation,
    LeaseLost,
    LlmUnavailable,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    UnknownInstrument,
)
from tests.contract.bus.messages import Recorder

CONSUMPTION = Consumption(durable="d", topic=CANDLE, handler=Recorder())


@pytest.mark.parametrize("topic", [p.topic for p in PAYLOADS if p.topic.stream], ids=lambda t: t.name)
def test_the_dedupe_window_of_every_stream_is_longer_than_a_retry_may_take(topic: Topic) -> None:
    """Else a late retry would store its output a second time."""
    assert topic.stream is not None
    assert Consumption(durable="d", topic=topic, handler=Recorder()).horizon_s() < topic.stream.dedupe_s


def test_the_horizon_is_all_waits_and_all_attempts() -> None:
    consumption = Consumption(durable="d", topic=CANDLE, handler=Recorder(), ack_wait_s=10, attempts=4, delays_s=(1, 2))
    assert consumption.horizon_s() == (1 + 2 + 2) + 4 * 10


@pytest.mark.parametrize(
    ("error", "fate", "code"),
    [
        (RateLimited("x"), Fate.RETRY, "rate_limited"),
        (LlmUnavailable("x"), Fate.RETRY, "llm_unavailable"),
        (BusUnavailable("x"), Fate.RETRY, "bus_unavailable"),
        (OutcomeUnknown("x", client_id="c"), Fate.RETRY, "error"),
        (KeyError("x"), Fate.RETRY, "KeyError"),
        (ContractViolation("x"), Fate.BURY, "contract_violation"),
        (UnknownInstrument("x"), Fate.BURY, "unknown_instrument"),
        (OrderRejected("x", venue_code=-1), Fate.BURY, "order_rejected"),
        (ConfigError("x"), Fate.STOP, "config_error"),
        (BusLost("x"), Fate.STOP, "bus_lost"),
        (LeaseLost("x"), Fate.STOP, "lease_lost"),
    ],
)
def test_verdicts(error: Exception, fate: Fate, code: str) -> None:
    verdict = judge(error, 1, CONSUMPTION)
    assert verdict.fate is fate
    if not isinstance(error, OutcomeUnknown):
        assert verdict.code == code


def test_delays_grow_and_the_last_attempt_is_final() -> None:
    delays = [judge(ValueError(), attempt, CONSUMPTION) for attempt in range(1, 6)]
    assert [v.delay_s for v in delays[:4]] == [0.3, 1.0, 3.0, 10.0]
    assert [v.fate for v in delays] == [Fate.RETRY] * 4 + [Fate.BURY]
    assert judge(RateLimited("x", retry_after_s=20), 1, CONSUMPTION).delay_s == 20
    assert judge(RateLimited("x", retry_after_s=0.1), 2, CONSUMPTION).delay_s == 1.0
    assert judge(LeaseLost("x"), 5, CONSUMPTION).fate is Fate.STOP


def test_no_delays_at_all() -> None:
    consumption = Consumption(durable="d", topic=CANDLE, handler=Recorder(), delays_s=())
    assert judge(ValueError(), 1, consumption).delay_s == 0


def test_too_many_deliveries_without_a_verdict() -> None:
    assert exhausted(5, CONSUMPTION) is None
    verdict = exhausted(6, CONSUMPTION)
    assert verdict is not None
    assert (verdict.fate, verdict.code) == (Fate.BURY, "attempts_exhausted")


class Delivered:
    """A delivery that only has facts."""

    def __init__(self, data: bytes, attempt: int = 1) -> None:
        self.subject, self.data, self.message_id = "md.v1.candle.5m.BTC", data, "id-1"
        self.stream, self.sequence, self.attempt = "MD", 7, attempt

    async def ack(self, *, confirm: bool) -> None: ...
    async def nak(self, delay_s: float) -> None: ...
    async def term(self) -> None: ...
    async def keep(self) -> None: ...


def test_the_dead_letter_of_something_unreadable() -> None:
    letter = dead_letter(Delivered(b"\xff" * 10), "scanner", CONSUMPTION, judge(ContractViolation("no"), 1, CONSUMPTION), None, 5)
    payload = letter.payload
    assert payload.subject() == "dlq.v1.scanner.md-candle"
    assert payload.message_id() == "dlq:MD:7:scanner"
    assert (letter.ts_ms, letter.cause_id) == (5, "id-1")
    assert payload.model_dump()["body"] == "\ufffd" * 10


def test_the_dead_letter_of_something_huge_is_small_enough() -> None:
    verdict = judge(ValueError("y" * 10_000), 5, CONSUMPTION)
    payload = dead_letter(Delivered(b"x" * 10**6, 9), "scanner", CONSUMPTION, verdict, None, 5).payload.model_dump()
    assert len(payload["body"]) == BODY_LIMIT
    assert len(payload["reason"]) <= 2000
    assert payload["attempts"] == 5


def test_lanes_are_by_symbol_or_else_by_topic() -> None:
    assert lane_key(CANDLE, "md.v1.candle.5m.BTCUSDT") == "BTCUSDT"
    assert lane_key(ORDER_EVENT, "order.v1.filled.BTCUSDT") == "BTCUSDT"
    assert lane_key(CONTROL_COMMAND, "control.v1.stop") == lane_key(CONTROL_COMMAND, "control.v1.start")


def test_the_window_grows_with_speed_and_shrinks_with_waiting() -> None:
    window = Window(2, 8)
    for _ in range(10):
        window.took()
        window.released(0.0)
    assert (window.size, window.room) == (8, 8)
    window.took()
    window.released(2.0)
    assert window.size == 4
    window.took()
    window.released()
    assert window.size == 4
    for _ in range(5):
        window.took()
        window.released(9.0)
    assert window.size == 2


def test_the_window_is_widened_only_when_it_is_full_and_not_for_ever() -> None:
    window = Window(2, 4)
    assert not window.widen()
    for _ in range(100):
        while window.room > 0:
            window.took()
        if not window.widen():
            break
    assert window.size == 32


def test_the_memory_stream_forgets_ids_after_its_window() -> None:
    stream = MemoryStream(MD)
    assert not stream.store("s", b"", "id", (0, 0.0)).duplicate
    assert stream.store("s", b"", "id", (0, MD.dedupe_s - 1)).duplicate
    assert not stream.store("s", b"", "id", (0, MD.dedupe_s + 1)).duplicate
    assert not stream.store("s", b"", "", (0, 0.0)).duplicate
    assert not stream.store("s", b"", "", (0, 0.0)).duplicate
