"""Fields of a message model in words: type, default, meaning."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shared.domain.units import Price, Qty, Ratio, Usd

_UNITS: dict[Any, str] = {Price: "Quote units per base unit.", Qty: "Base units.", Usd: "USD.", Ratio: "A share: 0.01 is one percent."}
_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Decimal: "decimal as text",
    NoneType: "null",
    Any: "anything",
}
_SUFFIXES = {
    "_r": "Multiples of the initial risk.",
    "_ms": "UTC epoch milliseconds.",
    "_usd": "USD.",
    "_ratio": "A share: 0.01 is one percent.",
    "_s": "Seconds.",
    "_bytes": "Bytes.",
}
_DURATIONS = {"latency_ms", "duration_ms"}


_NAMES = {
    "symbol": "The venue's symbol.",
    "interval": "Candle interval, for example `5m`.",
    "position_id": "The position: id of the intent that opened it.",
    "intent_id": "The intent: its decision id.",
    "client_id": "Client order id at the venue.",
    "order_id": "The venue's order id.",
    "venue_code": "The venue's own error number.",
    "service": "Name of the service.",
    "instance": "Instance of the service.",
    "author": "Who asked for it.",
    "features": "Inputs of the decision, by name.",
    "note": "A remark for people.",
    "leverage": "Leverage at the venue.",
    "strength": "How clear the setup is.",
    "open": "First price.",
    "high": "Highest price.",
    "low": "Lowest price.",
    "close": "Last price.",
    "trades": "Number of executions.",
    "source": "Where it comes from.",
    "version": "Grows with each change.",
    "revision": "Grows with each change.",
    "serial": "Tells events of one kind apart.",
    "reason": "Why, as a code.",
    "detail": "Why, in words.",
    "stop_distance": "From the price to the stop, in quote units.",
    "target_distance": "From the price to the target, in quote units.",
    "price": "Quote units per base unit.",
    "atr": "Average true range, in quote units.",
    "p": "Win probability after calibration.",
    "p_prior": "Win probability before calibration.",
    "multiplier": "Product of all size factors.",
    "sizing": "How the quantity came about.",
    "state": "Where it is in its life.",
    "code": "What happened, as a code.",
    "pid": "Process id.",
    "day": "UTC day, yyyy-mm-dd.",
    "expires_ms": "Until when it holds, UTC epoch milliseconds.",
    "reasons": "Why, as codes.",
    "confidence": "How sure the decision is, 0 to 1.",
    "owned": "Whether we opened it.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One field for a table; cells are Markdown."""

    name: str
    type: str
    default: str
    meaning: str


def sentences(thing: Any) -> list[str]:
    """The paragraphs of a docstring, each on one line, with a full stop."""
    paragraphs = (inspect.getdoc(thing) or "").split("\n\n")
    return [text if text.endswith(".") else f"{text}." for text in (" ".join(part.split()) for part in paragraphs)]


def table(model: type[BaseModel], prefix: str = "") -> list[Row]:
    """All fields of a model; those of models inside it follow with a dotted name."""
    rows: list[Row] = []
    for name, field in model.model_fields.items():
        rows.append(Row(f"{prefix}{name}", _type(field.annotation), _default(field), _meaning(name, field)))
        for inner in _models(field.annotation):
            many = "[]" if _is_many(field.annotation) else ""
            rows += table(inner, f"{prefix}{name}{many}.")
    return rows


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type."""
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _bare(annotation: Any) -> Any:
    """A NewType's base."""
    return getattr(annotation, "__supertype__", annotation)


def _type(annotation: Any) -> str:
    return " or ".join(dict.fromkeys(_word(part) for part in _parts(annotation)))


def _word(part: Any) -> str:
    origin, arguments = get_origin(part), get_args(part)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in {dict, Mapping}:
        return f"object of {_type(arguments[1])}" if arguments[1] is not Any else "object"
    if origin in {tuple, list}:
        return f"list of {_type(arguments[0])}"
    bare = _bare(part)
    if bare in _WORDS:
        return _WORDS[bare]
    return "choice" if issubclass(bare, Enum) else "object"


def _is_many(annotation: Any) -> bool:
    return any(get_origin(part) in {tuple, list} for part in _parts(annotation))


def _models(annotation: Any) -> list[type[BaseModel]]:
    flat = [inner for part in _parts(annotation) for inner in (part, *get_args(part))]
    return [inner for inner in flat if isinstance(inner, type) and issubclass(inner, BaseModel)]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or value is None:
        return "null"
    return f"`{value}`" if value not in ("", {}, ()) else "empty"


def _meaning(name: str, field: FieldInfo) -> str:
    """The field's own words, else its enum's values, else its unit, with its limits."""
    words = [field.description] if field.description else [*_choices(field), *_unit(name, field.annotation)]
    return " ".join(filter(None, words + _limits(field)))


def _choices(field: FieldInfo) -> list[str]:
    enums = [part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, Enum)]
    return [f"{sentences(enum)[0]} {', '.join(f'`{member.value}`' for member in enum)}." for enum in enums]


def _unit(name: str, annotation: Any) -> list[str]:
    for part in _parts(annotation):
        if part in _UNITS:
            return [_UNITS[part]]
    if name in _DURATIONS:
        return ["Milliseconds."]
    known = [text for suffix, text in _SUFFIXES.items() if name.endswith(suffix)]
    return [*known, _NAMES.get(name, "")][:1]


def _limits(field: FieldInfo) -> list[str]:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    found = [f"{word} {getattr(limit, sign)}" for limit in field.metadata for sign, word in signs.items() if hasattr(limit, sign)]
    return [f"{', '.join(found)}.".capitalize()] if found else []
