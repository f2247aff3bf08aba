"""From an exception of a handler to what happens with its message."""

from dataclasses import dataclass
from enum import Enum, auto

from shared.bus.delivery import Delivery
from shared.bus.port import Consumption
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.ops import DeadLetter
from shared.domain.errors import Fatal, MrasterError, Permanent, Transient

BODY_LIMIT = 100_000  # characters of the original that a dead letter carries; a message may be 1 MiB, escaped even more
_REASON_LIMIT = 2_000


class Fate(Enum):
    """What happens with the message."""

    RETRY = auto()
    BURY = auto()
    STOP = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fate with the reason; `delay_s` is for a retry."""

    fate: Fate
    code: str
    reason: str
    delay_s: float = 0.0


def judge(error: Exception, attempt: int, consumption: Consumption) -> Verdict:
    """The verdict on a failed attempt (1 = the first). What is not in the tree of errors counts as transient."""
    code = error.code if isinstance(error, MrasterError) else type(error).__name__
    reason = f"{type(error).__name__}: {error}"[:_REASON_LIMIT]
    if isinstance(error, Fatal):
        return Verdict(Fate.STOP, code, reason, consumption.delay_s(attempt))
    if isinstance(error, Permanent) or attempt >= consumption.attempts:
        return Verdict(Fate.BURY, code, reason)
    wanted_s = error.retry_after_s if isinstance(error, Transient) else 0.0
    return Verdict(Fate.RETRY, code, reason, max(wanted_s, consumption.delay_s(attempt)))


def exhausted(attempt: int, consumption: Consumption) -> Verdict | None:
    """A message that came too often without a verdict (it may crash the process): buried before it is handled again."""
    if attempt <= consumption.attempts:
        return None
    reason = f"delivered {attempt} times without a verdict, {consumption.attempts} attempts are allowed: it may crash the process"
    return Verdict(Fate.BURY, "attempts_exhausted", reason)


def dead_letter(delivery: Delivery, service: str, consumption: Consumption, verdict: Verdict, meta: Meta | None, now_ms: int) -> Outgoing:
    """The dead letter of a message; `meta` is None when it could not be read."""
    payload = DeadLetter(
        service=service,
        source_topic=consumption.topic.name,
        source_subject=delivery.subject,
        stream=delivery.stream,
        sequence=delivery.sequence,
        source_id=meta.id if meta else delivery.message_id,
        attempts=min(delivery.attempt, consumption.attempts),
        code=verdict.code,
        reason=verdict.reason,
        body=delivery.data.decode("utf-8", "replace")[:BODY_LIMIT],
    )
    if meta is None:
        return Outgoing(payload, ts_ms=now_ms, cause_id=delivery.message_id)
    return Outgoing(payload, ts_ms=now_ms, decision_id=meta.decision_id, cause_id=meta.id, epoch=meta.epoch)
