"""Entities as JSON and back, as the store keeps them."""

from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

import orjson

from services.paper_exchange.logic.entities import Account, Position, SymbolSettings
from shared.domain.order import PositionSide

_T = TypeVar("_T")


def pack(entity: Any) -> bytes:
    """A flat entity as JSON; decimals as texts."""
    return orjson.dumps(entity, default=str)


def unpack(kind: type[_T], body: bytes | dict[str, Any]) -> _T:
    """The inverse of `pack`."""
    values = orjson.loads(body) if isinstance(body, bytes) else body
    hashable: Any = kind
    for name, make in _typed(hashable):
        values[name] = make(values[name])
    return kind(**values)


@cache
def _typed(kind: type[Any]) -> list[tuple[str, Any]]:
    """Fields that JSON does not give back as they were, with what makes them."""
    hints = get_type_hints(kind)
    return [(name, hint) for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Decimal | StrEnum)]


_FLAT = ("key", "secret", "alias", "wallet", "hedge", "multi_assets", "fee_burn", "updated_ms")


def pack_account(account: Account) -> bytes:
    """Money, modes, positions and settings of an account; its orders, trades and incomes have tables of their own."""
    flat = {name: getattr(account, name) for name in _FLAT}
    return pack({**flat, "positions": [*account.positions.values(), *account.parked], "settings": account.settings})


def unpack_account(body: bytes) -> Account:
    """The inverse of `pack_account`."""
    values = orjson.loads(body)
    account = Account(**{**{name: values[name] for name in _FLAT}, "wallet": Decimal(values["wallet"])})
    for row in values["positions"]:
        position = unpack(Position, row)
        account.positions[(position.symbol, PositionSide(position.side))] = position
    account.settings = {symbol: unpack(SymbolSettings, row) for symbol, row in values["settings"].items()}
    return account
