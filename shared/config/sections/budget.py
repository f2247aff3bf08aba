"""What the AI may cost."""

from typing import ClassVar

from shared.config.kinds import Cap
from shared.config.knob import LIVE, Section, knob


class Budget(Section):
    """The limit of AI spending per UTC day."""

    title: ClassVar[str] = "AI budget"

    daily_usd: Cap = knob(
        "20",
        env="ASTER_AI_DAILY_BUDGET_USD",
        ge=0,
        le=100000,
        unit="USD",
        words=("none",),
        applies=LIVE,
        presets={"high": "none", "att": "none"},
        awaits="AI mode",
    )
    """Most that AI calls may cost in a UTC day. 0 means that nothing is spent, never that there is no limit; the presets
    high and att lift the limit (none) unless you set one yourself."""
    strict: bool = knob("true", env="ASTER_AI_STRICT_BUDGET", applies=LIVE, awaits="AI mode")
    """Make no call that could pass the limit; otherwise passing it only raises an alert."""

    @property
    def uncapped(self) -> bool:
        """Whether the limit is lifted; shown as "no cap" and to be confirmed once by the user."""
        return self.daily_usd is None
