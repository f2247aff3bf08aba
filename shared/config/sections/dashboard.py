"""Where the dashboard listens."""

from typing import ClassVar, Self

from pydantic import SecretStr, model_validator

from shared.config.kinds import is_loopback
from shared.config.knob import Section, knob


class Dashboard(Section):
    """Address and password of the web page."""

    title: ClassVar[str] = "Dashboard"

    host: str = knob(
        "127.0.0.1",
        env="ASTER_DASHBOARD_HOST",
        pattern=r"[A-Za-z0-9.:_\[\]-]{1,253}",
        hint="an address or host name",
        expert=True,
        editable=False,
    )
    """Address that the page is served on; any other than this machine's own needs a password."""
    port: int = knob("8000", env="ASTER_DASHBOARD_PORT", ge=1, le=65535, expert=True, editable=False)
    """Port that the page is served on."""
    password: SecretStr = knob("", env="ASTER_DASHBOARD_PASSWORD")
    """Password of the page."""

    @model_validator(mode="after")
    def _open_door_has_a_lock(self) -> Self:
        """A page that others can reach controls real money."""
        if not is_loopback(self.host) and not self.password.get_secret_value():
            raise ValueError(
                f"ASTER_DASHBOARD_PASSWORD: expected a password because ASTER_DASHBOARD_HOST is {self.host}, which other machines"
                " can reach; set one, or bind to 127.0.0.1"
            )
        return self
