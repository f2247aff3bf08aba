"""The executor as a process that dies where it is told: one JSON object per line on stdin, symbol -> moment.

`hold:<moment>` only waits there for a second. When every symbol of the last line has reached its moment, or a few seconds after the first did, the process kills itself (-9).
The product has no way to get here: the moments are passed by unless a test gives its own `steps`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading

from services.executor.service import build_with
from services.executor.steps import Moment
from shared.runtime.context import Context
from shared.runtime.options import RunOptions
from shared.runtime.run import VenueAccess, run
from shared.runtime.service import Service

PATIENCE_S = 6.0
HOLD_S = 1.0


class Crasher:
    """The moments at which to stop, and who is there already."""

    def __init__(self) -> None:
        self.stops: dict[str, str] = {}
        self.waiting: set[str] = set()

    def listen(self) -> None:
        """Take orders from stdin (a thread)."""
        for line in sys.stdin:
            self.waiting.clear()
            self.stops = json.loads(line)

    async def __call__(self, moment: Moment, symbol: str, /) -> None:
        if self.stops.get(symbol) == f"hold:{moment.value}":
            await asyncio.sleep(HOLD_S)
        if self.stops.get(symbol) != moment.value:
            return
        if not self.waiting:
            asyncio.get_running_loop().call_later(PATIENCE_S, die)
        self.waiting.add(symbol)
        if self.waiting >= self.stops.keys():
            die()
        await asyncio.Event().wait()


def die() -> None:
    """No cleaning up, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--instance", required=True)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--margin-ms", type=int, default=700)
    arguments = parser.parse_args()
    crasher = Crasher()
    threading.Thread(target=crasher.listen, daemon=True).start()

    def build(ctx: Context) -> Service:
        return build_with(ctx, steps=crasher, margin_ms=arguments.margin_ms)

    options = RunOptions(instance=arguments.instance, http_port=arguments.http_port, lanes=32)
    return run("executor", build, options, venue=VenueAccess.SIGNED)


if __name__ == "__main__":
    sys.exit(main())
