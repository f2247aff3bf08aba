"""Warnings about events: statistics of the market and news."""

from typing import ClassVar

from pydantic import SecretStr

from shared.config.kinds import HttpUrl
from shared.config.knob import LIVE, Section, knob


class Sentinel(Section):
    """When a symbol is too hot to trade at full size, or at all."""

    title: ClassVar[str] = "Sentinel"

    enabled: bool = knob("true", env="ASTER_AI_SENTINEL_ENABLED", applies=LIVE)
    """Watch for event risk; it can only shrink or veto trades. The statistics need no AI in spite of the name."""
    decay_minutes: float = knob("60", env="ASTER_AI_SENTINEL_DECAY_MINUTES", gt=0, le=10080, unit="min", applies=LIVE)
    """Time in which a warning fades to nothing."""
    news_endpoint: HttpUrl = knob("", env="ASTER_AI_NEWS_ENDPOINT", group="News", editable=False, awaits="the news reader")
    """Address of a news list (JSON); empty reads no news."""
    news_api_key: SecretStr = knob("", env="ASTER_AI_NEWS_API_KEY", group="News", awaits="the news reader")
    """Key for the news address."""
