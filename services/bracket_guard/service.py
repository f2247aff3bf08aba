"""The bracket guard. Consumes position events (to look at once) and people's stop moves; publishes bracket events and alerts.

Owns in Redis: the desired brackets with their repair queue. Calls the venue: its own reads, user stream and mark prices; protective
orders only. Starts and goes on with NATS or Redis down. One instance is active per account.
"""

from services.bracket_guard.guard import Guard
from shared.contracts import topic
from shared.runtime.context import Context
from shared.runtime.service import Service, every, loop, on

SLOW_INFO_S = 3600.0


def build(ctx: Context) -> Service:
    """The whole wiring."""
    guard = Guard(ctx)
    return Service(
        "bracket_guard",
        (
            on(topic.POSITION_EVENT, guard.on_position, start="new"),
            on(topic.STOP_MOVE, guard.on_stop_move, start="new"),
            loop(guard.watch),
            loop(guard.users.run),
            loop(guard.marks.run),
            loop(guard.outbox.run),
            every(SLOW_INFO_S, guard.read_instruments),
        ),
        warm=guard.warm,
        one_active=True,
    )
