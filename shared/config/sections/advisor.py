"""Who decides: the learning policy and the AI."""

from typing import Any, ClassVar

from pydantic import SecretStr

from shared.config.kinds import HttpUrl
from shared.config.knob import LIVE, NEXT_TRADE, Section, knob


def _pending_limit(values: dict[str, Any]) -> int:
    """Room for three rounds of requests, at least four."""
    return max(4, 3 * int(values.get("concurrency", 1)))


class Advisor(Section):
    """Policy, alpha model, and how the AI is asked."""

    title: ClassVar[str] = "Policy and AI"

    bandit_enabled: bool = knob("true", env="ASTER_BANDIT_ENABLED", group="Policy", applies=NEXT_TRADE)
    """Let the LinUCB policy decide; without it the edge alone decides, at the small size."""
    alpha_enabled: bool = knob("true", env="ASTER_ALPHA_ENABLED", group="Policy", applies=NEXT_TRADE)
    """Let the alpha model veto or enlarge trades once it has enough outcomes."""
    alpha_threshold: float = knob(
        "0.55",
        env="ASTER_ALPHA_THRESHOLD",
        ge=0,
        le=1,
        unit="confidence",
        group="Policy",
        applies=NEXT_TRADE,
        presets={"low": "0.60", "mid": "0.55", "high": "0.52", "att": "0.60"},
    )
    """Confidence below which a trade is skipped; 0.5 is break-even after costs."""
    alpha_promote_delta: float = knob(
        "0.15",
        env="ASTER_ALPHA_PROMOTE_DELTA",
        ge=0,
        le=1,
        unit="confidence",
        group="Policy",
        applies=NEXT_TRADE,
        presets={"low": "0.18", "mid": "0.15", "high": "0.12", "att": "0.16"},
    )
    """How far above the threshold a trade moves up one size."""
    tuner_distances: bool = knob("false", env="ASTER_TUNER_DISTANCES", group="Policy", applies=NEXT_TRADE, expert=True)
    """Let the tuner move stop and target, too; off, it only changes sizes (on recorded markets moved distances lost more)."""
    history_max: int = knob(
        "250",
        env="ASTER_HISTORY_MAX",
        ge=10,
        le=100000,
        unit="trades",
        group="Policy",
        applies=LIVE,
        awaits="the analysis of closed trades",
    )
    """Closed trades that are used for analysis."""

    openai_api_key: SecretStr = knob("", env="ASTER_OPENAI_API_KEY", group="AI", awaits="AI mode")
    """Key for the model provider."""
    chat_openai_api_key: SecretStr = knob("", env="ASTER_CHAT_OPENAI_API_KEY", group="AI", awaits="the chat")
    """Key for the chat; empty uses the first one."""
    openai_base_url: HttpUrl = knob("", env="ASTER_OPENAI_BASE_URL", group="AI", expert=True, editable=False, awaits="AI mode")
    """Address of any OpenAI-compatible provider; empty is the provider's own default."""
    model: str = knob(
        "gpt-4.1", env="ASTER_AI_MODEL", group="AI", pattern=r"\S{1,100}", hint="the name of a model", applies=LIVE, awaits="AI mode"
    )
    """Model that is asked."""
    temperature: float = knob("0.3", env="ASTER_AI_TEMPERATURE", ge=0, le=2, group="AI", applies=LIVE, expert=True, awaits="AI mode")
    """Randomness of answers; 1.0 leaves it to the provider."""
    min_interval_s: float = knob(
        "3", env="ASTER_AI_MIN_INTERVAL_SECONDS", ge=0, le=3600, unit="s", group="AI", applies=LIVE, expert=True, awaits="AI mode"
    )
    """Shortest time between two requests about one symbol."""
    concurrency: int = knob(
        "4", env="ASTER_AI_CONCURRENCY", ge=1, le=64, unit="requests", group="AI", applies=LIVE, expert=True, awaits="AI mode"
    )
    """Requests that run at the same time."""
    pending_limit: int = knob(
        None,
        env="ASTER_AI_PENDING_LIMIT",
        ge=1,
        le=1000,
        unit="requests",
        group="AI",
        applies=LIVE,
        expert=True,
        derived=("max(4, 3 * ASTER_AI_CONCURRENCY)", _pending_limit),
        awaits="AI mode",
    )
    """Requests that may wait for a free place; beyond it a candidate is skipped."""
    global_cooldown_s: float = knob(
        "1.0", env="ASTER_AI_GLOBAL_COOLDOWN_SECONDS", ge=0, le=600, unit="s", group="AI", applies=LIVE, expert=True, awaits="AI mode"
    )
    """Shortest time between any two requests."""
    plan_timeout_s: float = knob(
        "45", env="ASTER_AI_PLAN_TIMEOUT_SECONDS", ge=1, le=600, unit="s", group="AI", applies=LIVE, expert=True, awaits="AI mode"
    )
    """Longest wait for a plan; then the policy decides alone."""
    debug_state: bool = knob("false", env="ASTER_AI_DEBUG_STATE", group="AI", applies=LIVE, expert=True, awaits="AI mode")
    """Log in detail and keep the full payload of every request."""
    playbook_refresh_minutes: float = knob(
        "20", env="ASTER_PLAYBOOK_REFRESH_MINUTES", ge=1, le=1440, unit="min", group="AI", applies=LIVE, awaits="the playbook"
    )
    """How often the AI may refine the playbook."""
