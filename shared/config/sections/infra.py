"""The servers that services meet on."""

from typing import ClassVar

from pydantic import SecretStr

from shared.config.kinds import NatsUrl, RedisUrl
from shared.config.knob import LIVE, Section, knob


class Infra(Section):
    """NATS, Redis and where alerts go."""

    title: ClassVar[str] = "Infrastructure"

    nats_url: NatsUrl = knob("nats://127.0.0.1:4222", env="ASTER_NATS_URL", expert=True, editable=False)
    """NATS server, or several separated by commas; tls:// encrypts, user:password@ logs in."""
    redis_url: RedisUrl = knob("redis://127.0.0.1:6379/0", env="ASTER_REDIS_URL", expert=True, editable=False)
    """Redis server and database; rediss:// encrypts, user:password@ logs in."""
    alert_urls: SecretStr = knob("", env="ASTER_ALERT_URLS", group="Alerts", applies=LIVE, awaits="alerts")
    """Where alerts are sent, as Apprise addresses separated by commas (Telegram, Discord, e-mail, webhook)."""
