"""What was learned, for people: told with every edition of the learned state. All but closed trades is hypothetical, and labelled so."""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.envelope import Payload
from shared.contracts.topic import AI_LEARNING, Topic


class Worth(StrEnum):
    """What a filter's interval says: all of it below zero, above zero, both, or too little to say."""

    SAVES = "saves"
    COSTS = "costs"
    UNCLEAR = "unclear"
    TOO_FEW = "too_few"


class Regime(StrEnum):
    """What kind of market it is. `unknown` until there is a snapshot: it adjusts nothing."""

    UNKNOWN = "unknown"
    MOMENTUM = "momentum"
    MEAN_REVERSION = "mean_reversion"
    VOLATILITY_COMPRESSION = "volatility_compression"
    RISK_OFF = "risk_off"


class Cause(StrEnum):
    """What went wrong, or right, with a closed trade: the fixed list."""

    TREND_BREAK = "trend_break"
    NEWS_DRIVER = "news_driver"
    LIQUIDITY_GAP = "liquidity_gap"
    EXECUTION_DELAY = "execution_delay"
    SENTIMENT_CONFLICT = "sentiment_conflict"
    MACRO_EVENT = "macro_event"
    VOLATILITY_SHOCK = "volatility_shock"
    STOP_TOO_TIGHT = "stop_too_tight"
    TARGET_TOO_FAR = "target_too_far"
    LATE_ENTRY = "late_entry"
    GOOD_PROCESS = "good_process"


class Part(BaseModel):
    """Base of the parts."""

    model_config = ConfigDict(frozen=True)


class LearningFunnel(Part):
    """Counts since learning began. `followed` signals have a hypothetical end; of `unknown` ones a candle was missing."""

    signals: int = 0
    offered: int = 0
    entered: int = 0
    closed: int = 0
    followed: int = 0
    unknown: int = 0


class FilterResult(Part):
    """One reason not to trade (`offered`: none).

    `net_r` is the sum that these trades would have made, after costs: negative = the filter saved it, positive = it was missed.
    `low_r` to `high_r` is the 90 % interval of the mean, over the newest results.
    """

    reason: str
    trades: int
    wins: int
    net_r: float
    mean_r: float
    low_r: float | None
    high_r: float | None
    worth: Worth


class CalibrationPoint(Part):
    """Signals of one setup and strength, or of one range of predictions: predicted and observed share of wins, with a 90 % interval."""

    name: str
    outcomes: float
    predicted: float
    observed: float
    low: float
    high: float


class ModelScore(Part):
    """How good the probabilities of a model are. `brier_score` is the mean squared error: 0.25 is a coin, less is better."""

    model: str
    outcomes: float
    ready: bool
    brier_score: float | None
    points: tuple[CalibrationPoint, ...]


class BanditState(Part):
    """The policy: the sum of the weights that it learned from, and its strongest weights in R per unit of a feature."""

    outcomes: float
    weights: dict[str, float]


class TunerBucket(Part):
    """Statistics of one kind of trade. Results in R with a 90 % interval; factors multiply what would have been done."""

    bucket: str
    trades: int
    hit_ratio: float
    mean_r: float
    low_r: float | None
    high_r: float | None
    stop_factor: float
    target_factor: float
    size_factor: float


class PlaybookNow(Part):
    """The regime, why, and what it changes."""

    regime: Regime
    reason: str
    version: int
    size: float
    stop: float
    target: float
    side_bias: float
    focus: dict[str, float]
    inputs: dict[str, float]


class HelpValue(Part):
    """What a model's help was worth on one symbol, in USD; `net_usd` per case, with a 90 % interval."""

    symbol: str
    cases: int
    gain_usd: float
    spent_usd: float
    net_usd: float
    low_usd: float | None
    high_usd: float | None
    bias: float
    paused_until_ms: int | None


class LearningReport(Payload):
    """Everything that was learned up to one edition.

    `made_ms` is the venue time at which it was made, `until_ms` the end of its newest lesson; `learned` counts the lessons that are new in
    it, `lessons` all of them; `least_sample` is how many results a filter needs before anything is said about it.
    `postmortem` are running averages of the causes, 0 to 1, over `funnel.closed` trades.
    """

    topic: ClassVar[Topic] = AI_LEARNING

    edition: int
    made_ms: int
    until_ms: int
    learned: int
    lessons: int
    hypothetical: bool = True
    following: int
    least_sample: int
    funnel: LearningFunnel
    filters: tuple[FilterResult, ...]
    models: tuple[ModelScore, ...]
    bandit: BanditState
    tuner: tuple[TunerBucket, ...]
    playbook: PlaybookNow
    postmortem: dict[str, float] = Field(default_factory=dict)
    help: tuple[HelpValue, ...] = ()

    def keys(self) -> tuple[str, ...]:
        """One scope for the account."""
        return ("account",)

    def identity(self) -> str:
        """Edition and when it was made: after an import the numbers begin again."""
        return f"{self.edition}:{self.made_ms}"
