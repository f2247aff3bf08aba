"""Subjects, topics and streams: `<area>.v1.<kind>.<key…>`."""

import re
from dataclasses import dataclass

from shared.domain.errors import ContractViolation

_TOKEN = re.compile(r"[^\s.*>\x00-\x1f\x7f]{1,80}")

DAY_S = 86_400


def token(text: str) -> str:
    """A piece of data as one subject token.

    Raises:
        ContractViolation: it is empty or holds a dot, white space, `*` or `>`.
    """
    if not _TOKEN.fullmatch(text):
        raise ContractViolation(f"expected a subject token (1-80 characters, no dot, space, * or >), got {text!r}")
    return text


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One JetStream stream; `max_age_s` None keeps messages for ever, `dedupe_s` is the window of `Nats-Msg-Id`."""

    name: str
    subjects: tuple[str, ...]
    max_age_s: int | None
    max_bytes: int
    dedupe_s: int = 600


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of message. `keys` names the tokens behind the kind; `stream` is None for core (not stored) subjects."""

    name: str
    area: str
    kind: str | None
    keys: tuple[str, ...]
    stream: StreamSpec | None

    @property
    def prefix(self) -> str:
        """The fixed part of its subjects."""
        return f"{self.area}.v1" + (f".{self.kind}" if self.kind else "")

    @property
    def pattern(self) -> str:
        """The subject filter that matches all its messages."""
        return ".".join((self.prefix, *("*" for _ in self.keys)))

    def subject(self, *tokens: str) -> str:
        """The subject for one key.

        Raises:
            ContractViolation: wrong number of tokens, or a token that is not allowed.
        """
        if len(tokens) != len(self.keys):
            raise ContractViolation(f"{self.name}: expected tokens {self.keys}, got {tokens}")
        return ".".join((self.prefix, *(token(t) for t in tokens)))


_MIB = 2**20
MD = StreamSpec("MD", ("md.v1.>",), 2 * DAY_S, 512 * _MIB)
SIGNAL = StreamSpec("SIGNAL", ("signal.v1.>",), 7 * DAY_S, 512 * _MIB)
PLAN = StreamSpec("PLAN", ("plan.v1.>",), 30 * DAY_S, 256 * _MIB)
ORDER = StreamSpec("ORDER", ("order.v1.>", "position.v1.>"), 365 * DAY_S, 512 * _MIB)
TRADE = StreamSpec("TRADE", ("trade.v1.>",), None, 256 * _MIB)
BRACKET = StreamSpec("BRACKET", ("bracket.v1.>",), 365 * DAY_S, 256 * _MIB)
SENTINEL = StreamSpec("SENTINEL", ("sentinel.v1.>",), 7 * DAY_S, 128 * _MIB)
AI = StreamSpec("AI", ("ai.v1.>",), 90 * DAY_S, 256 * _MIB)
ALERT = StreamSpec("ALERT", ("alert.v1.>",), 30 * DAY_S, 64 * _MIB)
CONTROL = StreamSpec("CONTROL", ("control.v1.>", "config.v1.>"), 7 * DAY_S, 32 * _MIB)
DLQ = StreamSpec("DLQ", ("dlq.v1.>",), 30 * DAY_S, 64 * _MIB)

STREAMS = (MD, SIGNAL, PLAN, ORDER, TRADE, BRACKET, SENTINEL, AI, ALERT, CONTROL, DLQ)

CANDLE = Topic("md.candle", "md", "candle", ("interval", "symbol"), MD)
CANDIDATE = Topic("signal.candidate", "signal", "candidate", ("symbol",), SIGNAL)
SKIP = Topic("signal.skip", "signal", "skip", ("symbol",), SIGNAL)
PLANNED = Topic("plan", "plan", None, ("symbol",), PLAN)
ORDER_EVENT = Topic("order", "order", None, ("event", "symbol"), ORDER)
POSITION_EVENT = Topic("position", "position", None, ("event", "symbol"), ORDER)
TRADE_CLOSED = Topic("trade.closed", "trade", "closed", ("symbol",), TRADE)
BRACKET_EVENT = Topic("bracket", "bracket", None, ("event", "symbol"), BRACKET)
SENTINEL_STATE = Topic("sentinel", "sentinel", None, ("symbol",), SENTINEL)
AI_RECEIPT = Topic("ai.receipt", "ai", "receipt", ("symbol",), AI)
AI_PLAYBOOK = Topic("ai.playbook", "ai", "playbook", ("scope",), AI)
AI_POSTMORTEM = Topic("ai.postmortem", "ai", "postmortem", ("symbol",), AI)
AI_TUNING = Topic("ai.tuning", "ai", "tuning", ("bucket",), AI)
AI_LEARNING = Topic("ai.learning", "ai", "learning", ("scope",), AI)
AI_BUDGET = Topic("ai.budget", "ai", "budget", ("day",), AI)
ALERT_RAISED = Topic("alert", "alert", None, ("severity",), ALERT)
CONTROL_COMMAND = Topic("control", "control", None, ("command",), CONTROL)
STOP_MOVE = Topic("control.stop_move", "control", "stop_move", ("symbol",), CONTROL)
CONFIG_CHANGED = Topic("config.changed", "config", "changed", (), CONTROL)
LOG = Topic("log", "log", None, ("service", "level"), None)
HEARTBEAT = Topic("hb", "hb", None, ("service", "instance"), None)
DEAD_LETTER = Topic("dlq", "dlq", None, ("service", "topic"), DLQ)
