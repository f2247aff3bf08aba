"""The control API of faults; only there when the venue was started with it."""

from typing import Any

import orjson

from services.paper_exchange.call import Call, Route, Security
from services.paper_exchange.fault_layer import FaultLayer
from services.paper_exchange.logic.reject import reject

Body = dict[str, Any]


def _layer(call: Call) -> FaultLayer:
    layer: FaultLayer = call.exchange.fault_layer
    return layer


def add(call: Call) -> Body:
    """POST /paper/v1/faults: a JSON object, see `FaultKind`."""
    try:
        body = orjson.loads(call.raw.body)
    except orjson.JSONDecodeError as error:
        raise reject(-1130, name="body") from error
    return _layer(call).arm(body).show()


def show(call: Call) -> list[Body]:
    """GET /paper/v1/faults: rules in force with their hits."""
    return [fault.show() for fault in _layer(call).faults.rules]


def remove(call: Call) -> Body:
    """DELETE /paper/v1/faults: one by `id`, or all."""
    return {"removed": _layer(call).faults.remove(call.params.integer("id"))}


def log(call: Call) -> list[Body]:
    """GET /paper/v1/faults/log: the strikes, oldest first."""
    return list(_layer(call).faults.log)


def table() -> dict[tuple[str, str], Route]:
    """Fault routes."""
    return {
        ("POST", "/paper/v1/faults"): Route(add, Security.KEY),
        ("GET", "/paper/v1/faults"): Route(show, Security.KEY),
        ("DELETE", "/paper/v1/faults"): Route(remove, Security.KEY),
        ("GET", "/paper/v1/faults/log"): Route(log, Security.KEY),
    }
