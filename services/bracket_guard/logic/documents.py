"""Desired brackets as JSON documents, in Redis and in the local file, and back."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from services.bracket_guard.logic.desired import Desired

_DESIRED = TypeAdapter(Desired)


def desired_document(desired: Desired) -> dict[str, Any]:
    """JSON types; Decimals as text."""
    document: dict[str, Any] = _DESIRED.dump_python(desired, mode="json")
    return document


def desired_from(document: Mapping[str, Any]) -> Desired:
    """The inverse; keys that a desired bracket does not have are left out.

    Raises:
        pydantic.ValidationError: the document is not one.
    """
    names = Desired.__dataclass_fields__.keys()
    return _DESIRED.validate_python({key: value for key, value in document.items() if key in names})
