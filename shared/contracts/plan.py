"""What the advisor decided about a candidate."""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.signal import Setup
from shared.contracts.topic import PLANNED, Topic
from shared.domain.order import Direction
from shared.domain.units import Usd


class Verdict(StrEnum):
    """Trade it or not."""

    TAKE = "TAKE"
    SKIP = "SKIP"


class Bucket(StrEnum):
    """Size bucket."""

    S = "S"
    M = "M"
    L = "L"


class PlanSource(StrEnum):
    """Who decided."""

    POLICY = "policy"
    LLM = "llm"
    FALLBACK = "fallback"
    MANUAL = "manual"


class PlanReason(StrEnum):
    """Why, in one word; translated in the dashboard."""

    EDGE = "edge"
    EDGE_TOO_SMALL = "edge_too_small"
    BANDIT = "bandit"
    ALPHA = "alpha"
    SENTINEL_VETO = "sentinel_veto"
    PLAYBOOK = "playbook"
    AI = "ai"
    AI_QUEUE_FULL = "ai_queue_full"
    MANUAL = "manual"
    STALE = "stale"


class Plan(Payload):
    """TAKE or SKIP for one candidate, with everything that the executor needs and the reason.

    `raising` multiplies the size before the floor and cap, `reducing` after them, so that a floor never undoes a
    brake; both name their factors. Distances are quote units from the entry price, `stop_factors` and `target_factors` what each
    adviser multiplied them with. `learned_r` is what the features of each learning loop added to the expected result.
    """

    topic: ClassVar[Topic] = PLANNED

    symbol: str
    interval: str
    close_ms: int
    direction: Direction
    setup: Setup
    verdict: Verdict
    reason: PlanReason
    source: PlanSource
    bucket: Bucket = Bucket.S
    raising: dict[str, Decimal] = Field(default_factory=dict)
    reducing: dict[str, Decimal] = Field(default_factory=dict)
    stop_factors: dict[str, float] = Field(default_factory=dict)
    target_factors: dict[str, float] = Field(default_factory=dict)
    learned_r: dict[str, float] = Field(default_factory=dict)
    leverage: int | None = None
    confidence: float | None = None
    edge_r: float
    price: float = Field(gt=0)
    stop_distance: float = Field(gt=0)
    target_distance: float = Field(gt=0)
    valid_until_ms: int
    explanation: str = ""
    policy: dict[str, float] = Field(default_factory=dict)
    cost_usd: Usd = Usd(Decimal(0))

    def keys(self) -> tuple[str, ...]:
        """The symbol."""
        return (self.symbol,)

    def identity(self) -> str:
        """The candidate's identity: there is one plan for each."""
        return f"{self.symbol}:{self.interval}:{self.close_ms}:{self.direction}"
