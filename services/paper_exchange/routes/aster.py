"""What Aster answers in another form than Binance: the rows of exchangeInfo."""

from collections.abc import Mapping
from typing import Any

from services.paper_exchange.call import Call, Route
from services.paper_exchange.routes import public

Row = dict[str, Any]

_ALGO_ORDERS = {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 100}


def contract_row(row: Mapping[str, Any]) -> Row:
    """A contract in Aster's form; one that was recorded there has it already.

    Aster counts open conditional orders by contract, knows HIDDEN orders and no GTD, and has fields of its own.
    """
    if "symbolType" in row:
        return dict(row)
    kept = {name: value for name, value in row.items() if name not in {"maxMoveOrderLimit", "permissionSets"}}
    filters = [item for item in row["filters"] if item["filterType"] != "POSITION_RISK_CONTROL"]
    if not any(item["filterType"] == "MAX_NUM_ALGO_ORDERS" for item in filters):
        filters.append(dict(_ALGO_ORDERS))
    lives = [name for name in row["timeInForce"] if name != "GTD"]
    own = {"symbolType": 0, "tradingMode": 0, "name": row["baseAsset"], "channel": "{}", "sequenceNo": 100, "twapMinNotional": "1000"}
    own |= {"imn": "4000.00", "tags": [], "settlePlan": 0, "createTime": row["onboardDate"]}
    return {**kept, **own, "filters": filters, "timeInForce": [*lives, *(["HIDDEN"] if "HIDDEN" not in lives else [])]}


def exchange_info(call: Call) -> Row:
    """GET exchangeInfo."""
    body = public.exchange_info(call)
    return {**body, "symbols": [contract_row(row) for row in body["symbols"]]}


def table() -> dict[tuple[str, str], Route]:
    """Routes that take the place of those of both dialects."""
    return {("GET", f"/fapi/{version}/exchangeInfo"): Route(exchange_info, mirrored=True) for version in ("v1", "v3")}
