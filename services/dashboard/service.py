"""The dashboard: one page, its API and its WebSocket.

Consumes: every topic, without a durable (it only shows). Publishes: control.v1. Owns in Redis: nothing yet; commands go
through the control script. Calls: the venue's status (public).
"""

from services.dashboard.app import create
from services.dashboard.desk import Desk, times
from services.dashboard.hub import TICK_S, Hub
from services.dashboard.keyring import Keyring
from services.dashboard.learned import LEARNED_EVERY_S, Learned
from services.dashboard.logic.learning import Lessons
from services.dashboard.logic.mode import live_mode, paper_mode
from services.dashboard.logic.signin import Attempts
from services.dashboard.logic.view import View
from services.dashboard.present import READ_EVERY_S, VENUE_EVERY_S, Present
from services.dashboard.tailing import Tailing
from services.dashboard.web_server import WebServer
from shared.runtime.context import Context
from shared.runtime.service import Service, every, loop


def desk_of(ctx: Context) -> Desk:
    """Everything but the server."""
    core = ctx.settings.core
    mode = paper_mode(None, None) if core.paper else live_mode(None)
    view = View(interval=ctx.settings.strategy.interval.value, quote=core.quote, version=ctx.options.version, mode=mode)
    view.lessons = Lessons(distances=ctx.settings.advisor.tuner_distances)
    keyring = Keyring(ctx.settings.dashboard.password.get_secret_value(), core.account)
    hub = Hub(view, lambda: times(ctx.clock), ctx.log)
    return Desk(ctx, view, hub, Present(ctx, view), keyring, Attempts())


def build(ctx: Context) -> Service:
    """The whole wiring."""
    return service_of(desk_of(ctx))


def service_of(desk: Desk) -> Service:
    """What runs around a desk."""
    ctx = desk.ctx
    tailing = Tailing(ctx, desk.view)
    server = WebServer(ctx, create(desk), desk.hub)
    return Service(
        "dashboard",
        (
            loop(server.serve),
            loop(tailing.presence),
            loop(tailing.trades),
            loop(tailing.day),
            every(READ_EVERY_S, desk.present.read),
            every(LEARNED_EVERY_S, Learned(ctx, desk.view.lessons).read),
            every(VENUE_EVERY_S, desk.present.ask_venue),
            every(TICK_S, desk.hub.tick),
        ),
        warm=desk.present.read,
    )
