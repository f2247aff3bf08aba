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


def kind_of_row(first: Any) -> str:
    """Whether a list is a row of numbers (its length counts), or a list of something else."""
    return "number" if not isinstance(first, dict | list) and kind_of(first) in {"int", "decimal"} else "other"


def differences(recorded: Any, served: Any, where: str = "", *, optional: frozenset[str] = frozenset()) -> list[str]:
    """How `served` differs from `recorded` in structure.

    A key that the recording has must be there with the same kind, unless it is named in `optional`; so must every served key. Rows of a
    list are compared with the first recorded one. null, an empty text and int/float of one number type are taken for equal kinds.
    """
    if isinstance(recorded, dict) and isinstance(served, dict):
        found: list[str] = []
        for key, value in recorded.items():
            if key in served and f"{key}:any" not in optional:
                found += differences(value, served[key], f"{where}.{key}", optional=optional)
            elif key not in served and key not in optional:
                found.append(f"{where}.{key} is missing")
        return found + [f"{where}.{key} is not recorded" for key in served if key not in recorded and key not in optional]
    if isinstance(recorded, list) and isinstance(served, list):
        if not recorded or not served:
            return []
        if kind_of_row(recorded[0]) == "number" and len(recorded) != len(served):
            return [f"{where} has {len(served)} elements, recorded {len(recorded)}"]
        if not isinstance(recorded[0], dict | list):
            return [item for n, pair in enumerate(zip(recorded, served, strict=False)) for item in differences(*pair, f"{where}[{n}]")]
        return differences(recorded[0], served[0], f"{where}[]", optional=optional)
    if isinstance(recorded, dict | list) or isinstance(served, dict | list):
        return [f"{where} is a {type(served).__name__}, recorded {type(recorded).__name__}"]
    kinds = {kind_of(recorded), kind_of(served)}
    same = len(kinds) == 1 or "null" in kinds or kinds == {"int", "float"} or "" in {recorded, served} - {None} or _texts(recorded, served)
    return [] if same else [f"{where} is {kind_of(served)} ({served!r}), recorded {kind_of(recorded)} ({recorded!r})"]


def _texts(recorded: Any, served: Any) -> bool:
    """Ids that clients choose may look like numbers or not."""
    return isinstance(recorded, str) and isinstance(served, str) and "text" in {kind_of(recorded), kind_of(served)}
