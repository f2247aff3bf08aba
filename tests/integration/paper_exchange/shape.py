"""The structure of a JSON answer: keys and kinds of values, not the values."""

import re
from typing import Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def kind_of(value: Any) -> str:
    """null, bool, int, float, decimal (a string that holds a number), text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return type(value).__name__
    return "decimal" if _NUMBER.fullmatch(value) else "text"


def differences(recorded: Any, served: Any, where: str = "", *, optional: frozenset[str] = frozenset()) -> list[str]:
    """How `served` differs from `recorded` in structure.

    A key that the recording has must be there with the same kind, unless it is named in `optional`; so must every served key.
    `key:any` in `optional` leaves a key's kind open. Rows of a list are compared with the first recorded one. null, an empty text
    and int/float of one number are taken for equal kinds.
    """
    if isinstance(recorded, dict) and isinstance(served, dict):
        return _objects(recorded, served, where, optional)
    if isinstance(recorded, list) and isinstance(served, list):
        return _lists(recorded, served, where, optional)
    if isinstance(recorded, dict | list) or isinstance(served, dict | list):
        return [f"{where} is a {type(served).__name__}, recorded {type(recorded).__name__}"]
    if _same_kind(recorded, served):
        return []
    return [f"{where} is {kind_of(served)} ({served!r}), recorded {kind_of(recorded)} ({recorded!r})"]


def _objects(recorded: dict[str, Any], served: dict[str, Any], where: str, optional: frozenset[str]) -> list[str]:
    both = [key for key in recorded if key in served and f"{key}:any" not in optional]
    found = [item for key in both for item in differences(recorded[key], served[key], f"{where}.{key}", optional=optional)]
    missing = [f"{where}.{key} is missing" for key in recorded if key not in served and key not in optional]
    return found + missing + [f"{where}.{key} is not recorded" for key in served if key not in recorded and key not in optional]


def _lists(recorded: list[Any], served: list[Any], where: str, optional: frozenset[str]) -> list[str]:
    if not recorded or not served:
        return []
    if isinstance(recorded[0], dict | list):
        return differences(recorded[0], served[0], f"{where}[]", optional=optional)
    if kind_of(recorded[0]) in {"int", "decimal"} and len(recorded) != len(served):
        return [f"{where} has {len(served)} elements, recorded {len(recorded)}"]
    return [item for n, pair in enumerate(zip(recorded, served, strict=False)) for item in differences(*pair, f"{where}[{n}]")]


def _same_kind(recorded: Any, served: Any) -> bool:
    kinds = {kind_of(recorded), kind_of(served)}
    if len(kinds) == 1 or "null" in kinds or kinds == {"int", "float"}:
        return True
    # Ids that clients choose may look like numbers or not, and an empty text stands for anything.
    return isinstance(recorded, str) and isinstance(served, str) and "text" in kinds
