"""What the routes share."""

from dataclasses import dataclass

from services.dashboard.hub import Hub
from services.dashboard.keyring import Keyring
from services.dashboard.logic.answers import Times
from services.dashboard.logic.signin import Attempts
from services.dashboard.logic.view import View
from services.dashboard.present import Present
from shared.domain.clock import Clock
from shared.runtime.context import Context


@dataclass(frozen=True, slots=True)
class Desk:
    """One dashboard process."""

    ctx: Context
    view: View
    hub: Hub
    present: Present
    keyring: Keyring
    attempts: Attempts

    def times(self) -> Times:
        """Now."""
        return times(self.ctx.clock)


def times(clock: Clock) -> Times:
    """Venue time, our time and the rate between them."""
    return Times(now_ms=clock.now_ms(), wall_ms=clock.wall_ms(), rate=clock.horizon_ms(1000) / 1000)
