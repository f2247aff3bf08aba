"""The API document that the page's types are made from: `python -m tests.unit.dashboard.openapi_document > …/web/openapi.json`."""

import json
import sys

from services.dashboard.app import create
from services.dashboard.service import desk_of
from shared.bus.memory import MemoryBus
from shared.bus.memory_broker import MemoryBroker
from shared.config.load import load
from shared.contracts.envelope import Producer
from shared.domain.clock import ManualClock
from shared.runtime.context import Context
from shared.state.memory import MemoryState
from shared.state.store import MemoryStore
from tests.integration.dashboard.rig import context_of


def memory_context() -> Context:
    """A context on the memory twins, with default settings."""
    clock = ManualClock(1)
    bus = MemoryBus(MemoryBroker(), Producer("dashboard", "test", "main"), clock)
    return context_of(bus, MemoryState(MemoryStore(clock)), clock, load(environ={}))


def document() -> str:
    """The document as it is committed; the version of the product is not part of it."""
    found = create(desk_of(memory_context())).openapi()
    found["info"]["version"] = "v1"
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
