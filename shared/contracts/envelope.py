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
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.contracts.topic import Topic
from shared.domain.errors import ContractViolation


class Payload(BaseModel):
    """Base of all message bodies: frozen; unknown keys are ignored so that `v1` can grow.

    NaN and infinity are refused where the message is made: JSON has no form for them, so nobody could read it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
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


class Envelope(BaseModel):
    """What every message has around its body. Unknown keys are ignored, values are not converted."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: str = Field(min_length=1, description="Deterministic, starts with the topic's name; also the header `Nats-Msg-Id`.")
    type: str = Field(description="Name of the topic: says which model `data` is.")
    ts_ms: int = Field(description="Venue time of the fact, UTC epoch milliseconds.")
    produced_ms: int = Field(description="The producer's own clock when it was published, UTC epoch milliseconds.")
    producer: str = Field(description="`service/instance`.")
    decision_id: str = Field(description="Follows one idea from candle to closed trade; empty when there is none.")
    cause_id: str = Field(description="Id of the message that led to this one; empty when there is none.")
    account: str = Field(description="The account that it is about.")
    epoch: int = Field(description="Epoch of the trading state; plans and intents of an older one are void.")
    data: dict[str, Any] = Field(description="The body.")


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
        envelope = Envelope.model_validate(orjson.loads(data))
        payload = models[envelope.type].model_validate(envelope.data)
    except (KeyError, ValueError) as error:
        raise ContractViolation(f"message on {subject or 'unknown subject'} does not fit its contract: {_brief(error)}") from error
    meta = Meta(
        id=envelope.id,
        type=envelope.type,
        ts_ms=envelope.ts_ms,
        produced_ms=envelope.produced_ms,
        producer=envelope.producer,
        decision_id=envelope.decision_id,
        cause_id=envelope.cause_id,
        account=envelope.account,
        epoch=envelope.epoch,
        subject=subject,
        sequence=sequence,
        attempt=attempt,
    )
    return payload, meta


def _brief(error: Exception) -> str:
    """What is wrong, without the data (it may hold anything)."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()[:5])
    return f"{type(error).__name__}: {error}"
