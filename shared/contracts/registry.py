"""Every message of the product, by the name of its topic."""

from shared.contracts.ai import AiReceipt, BudgetState, PlaybookState, Postmortem, Tuning
from shared.contracts.bracket import BracketEvent
from shared.contracts.control import Alert, ConfigChanged, ControlCommand, StopMove
from shared.contracts.envelope import Payload
from shared.contracts.learning import LearningReport
from shared.contracts.market import CandleClosed
from shared.contracts.ops import DeadLetter, Heartbeat, LogRecord
from shared.contracts.order import OrderEvent, PositionEvent, TradeClosed
from shared.contracts.plan import Plan
from shared.contracts.sentinel import SentinelState
from shared.contracts.signal import Candidate, Skip

PAYLOADS: tuple[type[Payload], ...] = (
    CandleClosed,
    Candidate,
    Skip,
    Plan,
    OrderEvent,
    PositionEvent,
    TradeClosed,
    BracketEvent,
    SentinelState,
    AiReceipt,
    PlaybookState,
    Postmortem,
    Tuning,
    BudgetState,
    LearningReport,
    Alert,
    ControlCommand,
    StopMove,
    ConfigChanged,
    LogRecord,
    Heartbeat,
    DeadLetter,
)

MODELS: dict[str, type[Payload]] = {payload.topic.name: payload for payload in PAYLOADS}
