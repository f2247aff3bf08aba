"""What the copilots asked, answered, cost and learned."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.topic import AI_BUDGET, AI_PLAYBOOK, AI_POSTMORTEM, AI_RECEIPT, AI_TUNING, Topic
from shared.domain.units import Usd


class AiReceipt(Payload):
    """One model call: what was asked, what it cost, what came back."""

    topic: ClassVar[Topic] = AI_RECEIPT

    receipt_id: str
    symbol: str
    kind: str
    model: str
    prompt_version: str
    prompt_hash: str
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost_usd: Usd
    latency_ms: int = Field(ge=0)
    outcome: str
    answer: dict[str, str | float | int | bool | None] = Field(default_factory=dict)

    def keys(self) -> tuple[str, ...]:
        """The symbol."""
        return (self.symbol,)

    def identity(self) -> str:
        """The receipt's id."""
        return self.receipt_id


class PlaybookState(Payload):
    """The market regime and its bounded adjustments. `before` is the regime that held until now, `inputs` the numbers behind it."""

    topic: ClassVar[Topic] = AI_PLAYBOOK

    version: int
    regime: str
    size_factor: Decimal
    stop_factor: Decimal
    target_factor: Decimal
    side_bias: float
    focus: dict[str, float] = Field(default_factory=dict)
    note: str = ""
    before: str = ""
    inputs: dict[str, float] = Field(default_factory=dict)

    def keys(self) -> tuple[str, ...]:
        """One scope for the account."""
        return ("account",)

    def identity(self) -> str:
        """Its version."""
        return str(self.version)


class Postmortem(Payload):
    """Named causes of one closed trade, each with a weight from 0 to 1."""

    topic: ClassVar[Topic] = AI_POSTMORTEM

    symbol: str
    position_id: str
    features: dict[str, float]
    source: str
    note: str = ""

    def keys(self) -> tuple[str, ...]:
        """The symbol."""
        return (self.symbol,)

    def identity(self) -> str:
        """Position and source."""
        return f"{self.position_id}:{self.source}"


class Tuning(Payload):
    """What the tuner changed for one bucket of trades: the statistics, and its factors before and after.

    `low_r` to `high_r` is the 90 % interval of the mean. `distances` = whether stop and target factors act; the size factor always does.
    """

    topic: ClassVar[Topic] = AI_TUNING

    bucket: str
    version: int
    samples: int
    mean_r: float
    stop_factor: Decimal
    target_factor: Decimal
    size_factor: Decimal
    expires_ms: int | None = None
    hit_ratio: float | None = None
    low_r: float | None = None
    high_r: float | None = None
    stop_before: Decimal | None = None
    target_before: Decimal | None = None
    size_before: Decimal | None = None
    distances: bool = True

    def keys(self) -> tuple[str, ...]:
        """The bucket."""
        return (self.bucket,)

    def identity(self) -> str:
        """Bucket and version."""
        return f"{self.bucket}:{self.version}"


class BudgetState(Payload):
    """LLM spend of one UTC day. `limit_usd` None means that no cap applies."""

    topic: ClassVar[Topic] = AI_BUDGET

    day: str
    revision: int
    limit_usd: Usd | None
    reserved_usd: Usd
    spent_usd: Usd

    def keys(self) -> tuple[str, ...]:
        """The day."""
        return (self.day,)

    def identity(self) -> str:
        """Day and revision."""
        return f"{self.day}:{self.revision}"
