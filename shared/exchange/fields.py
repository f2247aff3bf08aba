"""Reading one field of a venue's JSON: the right type, or a `ContractViolation` that names the field.

`what` names the payload in messages. Venues write numbers as text, and now and then a whole number as text too.
"""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from shared.domain.errors import ContractViolation

Row = Mapping[str, Any]
_Member = TypeVar("_Member", bound=StrEnum)
_ZERO = Decimal(0)


def row(value: Any, what: str) -> Row:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ContractViolation(f"{what}: expected an object, got {type(value).__name__}")
    return value


def rows(value: Any, what: str) -> list[Row]:
    """A JSON array of objects."""
    return [row(item, what) for item in array(value, what)]


def array(value: Any, what: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        raise ContractViolation(f"{what}: expected an array, got {type(value).__name__}")
    return value


def text(source: Row, name: str, what: str) -> str:
    """A text that is not empty."""
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise _bad(source, name, what, "a text")
    return value


def text_or(source: Row, name: str, default: str) -> str:
    """An optional text; a number becomes its digits (ids are numbers on one venue and texts on another)."""
    value = source.get(name)
    return default if value is None else str(value)


def whole(source: Row, name: str, what: str) -> int:
    """A whole number of any size, or its digits as text."""
    value = source.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    raise _bad(source, name, what, "a whole number")


def whole_or(source: Row, name: str, default: int, what: str) -> int:
    """An optional whole number; null and an empty text count as absent."""
    return default if source.get(name) in (None, "") else whole(source, name, what)


def flag(source: Row, name: str, what: str) -> bool:
    """A boolean, or the text of one."""
    value = source.get(name)
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _bad(source, name, what, "true or false")


def flag_or(source: Row, name: str, what: str, *, default: bool) -> bool:
    """An optional boolean."""
    return default if source.get(name) is None else flag(source, name, what)


def decimal(source: Row, name: str, what: str) -> Decimal:
    """A finite number, exact. A JSON number goes through its shortest text."""
    value = source.get(name)
    if isinstance(value, str):
        try:
            exact = Decimal(value)
        except InvalidOperation:
            raise _bad(source, name, what, "a number") from None
        if exact.is_finite():
            return exact
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return Decimal(repr(value))
    raise _bad(source, name, what, "a number")


def decimal_or(source: Row, name: str, default: Decimal, what: str) -> Decimal:
    """An optional number; null and an empty text count as absent."""
    return default if source.get(name) in (None, "") else decimal(source, name, what)


def positive_or_none(source: Row, name: str, what: str) -> Decimal | None:
    """An optional number of which zero means "none", as in prices of market orders."""
    value = decimal_or(source, name, _ZERO, what)
    return value if value > 0 else None


def number(source: Row, name: str, what: str) -> float:
    """A finite number as float."""
    try:
        value = float(source[name])
    except (KeyError, TypeError, ValueError):
        raise _bad(source, name, what, "a number") from None
    if not math.isfinite(value):
        raise _bad(source, name, what, "a finite number")
    return value


def number_or(source: Row, name: str, default: float, what: str) -> float:
    """An optional finite number; null and an empty text count as absent."""
    return default if source.get(name) in (None, "") else number(source, name, what)


def member(kind: type[_Member], source: Row, name: str, what: str) -> _Member:
    """A member of a closed set."""
    try:
        return kind(str(source.get(name)))
    except ValueError:
        raise _bad(source, name, what, f"one of {', '.join(kind)}") from None


def _bad(source: Row, name: str, what: str, expected: str) -> ContractViolation:
    """The error for a field that is missing or wrong."""
    if name not in source:
        return ContractViolation(f"{what}: field {name!r} is missing, expected {expected}")
    return ContractViolation(f"{what}: field {name!r} is {str(source[name])[:40]!r}, expected {expected}")
