"""The envelope around every message, and how messages become bytes and back.

On the wire (JSON, UTF-8)::

    {"id": "signal.candidate:BTCUSDT:5m:1764547499999:long", "type": "signal.candidate", "ts_ms": 1764547499999,
     "produced_ms": 1764547500021, "producer": "scanner/a1b2", "decision_id": "q3k…", "cause_id": "md.candle:…",
     "account": "main", "epoch": 3, "data": {…}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.contracts.topic import Topic
from shared.domain.errors import ContractViolation


class Payload(BaseModel):
    """Base of all message bodies: frozen; unknown keys are ignored so that `v1` can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")
    topic: ClassVar[Topic]

    def keys(self) -> tuple[str, ...]:
        """The subject tokens of this message, in the order of `topic.keys`."""
        raise NotImplementedError

    def identity(self) -> str:
        """What makes this fact unique within its topic; the same fact always gives the same text."""
        raise NotImplementedError

    def message_id(self) -> str:
        """`Nats-Msg-Id`: starts with the topic's name because de-duplication is per stream."""
        return f"{self.topic.name}:{self.identity()}"

    def subject(self) -> str:
        """The subject that this message is published on."""
        return self.topic.subject(*self.keys())


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that a handler wants published.

    `ts_ms` is the venue time of the fact; `decision_id` follows one idea from candle to closed trade.
    """

    payload: Payload
    ts_ms: int
    decision_id: str = ""
    cause_id: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Meta:
    """The envelope of a received message, plus how it came: subject, stream sequence, attempt (1 = first delivery)."""

    id: str
    type: str
    ts_ms: int
    produced_ms: int
    producer: str
    decision_id: str
    cause_id: str
    account: str
    epoch: int
    subject: str = ""
    sequence: int = 0
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Producer:
    """Who publishes: stamped into each envelope."""

    service: str
    instance: str
    account: str

    @property
    def name(self) -> str:
        """`service/instance`."""
        return f"{self.service}/{self.instance}"


def encode(outgoing: Outgoing, producer: Producer, produced_ms: int) -> bytes:
    """The message as JSON bytes."""
    payload = outgoing.payload
    return orjson.dumps(
        {
            "id": payload.message_id(),
            "type": payload.topic.name,
            "ts_ms": outgoing.ts_ms,
            "produced_ms": produced_ms,
            "producer": producer.name,
            "decision_id": outgoing.decision_id,
            "cause_id": outgoing.cause_id,
            "account": producer.account,
            "epoch": outgoing.epoch,
            "data": payload.model_dump(mode="json"),
        }
    )


def decode(
    data: bytes, models: Mapping[str, type[Payload]], *, subject: str = "", sequence: int = 0, attempt: int = 1
) -> tuple[Payload, Meta]:
    """Bytes back into a payload and its envelope.

    Raises:
        ContractViolation: not JSON, an unknown type, or a body that does not fit its model.
    """
    try:
        raw: dict[str, Any] = orjson.loads(data)
        model = models[raw["type"]]
        payload = model.model_validate(raw["data"])
        meta = Meta(
            id=str(raw["id"]),
            type=raw["type"],
            ts_ms=int(raw["ts_ms"]),
            produced_ms=int(raw["produced_ms"]),
            producer=str(raw["producer"]),
            decision_id=str(raw["decision_id"]),
            cause_id=str(raw["cause_id"]),
            account=str(raw["account"]),
            epoch=int(raw["epoch"]),
            subject=subject,
            sequence=sequence,
            attempt=attempt,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ContractViolation(f"message on {subject or 'unknown subject'} does not fit its contract: {_brief(error)}") from error
    return payload, meta


def _brief(error: Exception) -> str:
    """What is wrong, without the data (it may hold anything)."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()[:5])
    return f"{type(error).__name__}: {error}"
