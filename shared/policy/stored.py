"""Models as JSON documents: written exactly, read with suspicion.

Floats are kept as JSON numbers, whose shortest text gives the same float back. A document that is older, or does not hold
together, is not repaired: the reader starts neutral and says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
M = TypeVar("M")

LARGEST = 1e12
"""Beyond this no number of a model means anything."""
LARGEST_STORED = 1e15
"""Times in milliseconds are among what is stored, too."""


class Unreadable(ValueError):
    """A document does not hold what it should."""


@dataclass(frozen=True, slots=True)
class Restored(Generic[M]):
    """A model read from a document. `problem` says why it starts neutral instead, empty when it was read.

    `added` and `dropped` are feature names that only the program, or only the document, knows.
    """

    model: M
    problem: str = ""
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def check_kind(document: Mapping[str, Any], kind: str, version: int) -> None:
    """The document says what it is.

    Raises:
        Unreadable: another kind, or another version.
    """
    found = (document.get("kind"), document.get("version"))
    if found != (kind, version):
        raise Unreadable(f"expected kind {kind!r} version {version}, got {found[0]!r} version {found[1]!r}")


def number(document: Mapping[str, Any], key: str, low: float = -LARGEST, high: float = LARGEST) -> float:
    """One finite number within bounds.

    Raises:
        Unreadable: it is missing, or no such number.
    """
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Unreadable(f"{key}: expected a number from {low:g} to {high:g}, got {str(value)[:40]!r}")
    return float(value)


def names(document: Mapping[str, Any], key: str = "names") -> tuple[str, ...]:
    """A list of different names.

    Raises:
        Unreadable: it is something else.
    """
    value = document.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(set(value)) != len(value):
        raise Unreadable(f"{key}: expected a list of different names")
    return tuple(value)


def array(document: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> Floats:
    """An array of finite numbers of one shape.

    Raises:
        Unreadable: another shape, or not numbers.
    """
    try:
        values = np.array(document.get(key), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Unreadable(f"{key}: expected numbers in the shape {shape}") from error
    if values.shape != shape or not np.all(np.abs(values) <= LARGEST):
        raise Unreadable(f"{key}: expected finite numbers in the shape {shape}, got {values.shape}")
    return values


def sane(value: Any, where: str = "") -> None:
    """Every number in a document is finite and within bounds: one that is not would spoil all that is computed from it.

    Raises:
        Unreadable: one is not; the message says where.
    """
    if _fine(value):
        return
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in items:
        sane(item, f"{where}.{key}" if where else str(key))
    raise Unreadable(f"{where}: expected a finite number up to {LARGEST_STORED:g}, got {str(value)[:40]}")


def _fine(value: Any) -> bool:
    """The same as a yes or no, quick enough for ten thousands of numbers."""
    kind = type(value)
    if kind is float or kind is int:
        return bool(-LARGEST_STORED <= value <= LARGEST_STORED)
    if kind is list or kind is tuple:
        return all(map(_fine, value))
    return all(map(_fine, value.values())) if isinstance(value, Mapping) else True


def places(wanted: Sequence[str], known: Sequence[str]) -> tuple[list[int], list[int]]:
    """Positions of the names that both sides know: in `wanted`, and in `known`."""
    where = {name: position for position, name in enumerate(known)}
    both = [(position, where[name]) for position, name in enumerate(wanted) if name in where]
    return [position for position, _ in both], [position for _, position in both]


def differences(wanted: Sequence[str], known: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that only `wanted` has, and that only `known` has."""
    return tuple(n for n in wanted if n not in set(known)), tuple(n for n in known if n not in set(wanted))
