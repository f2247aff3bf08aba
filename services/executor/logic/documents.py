"""Records and intents as JSON documents in Redis, and back."""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from services.executor.logic.intent import Intent
from services.executor.logic.record import Record, shown

_RECORD = TypeAdapter(Record)
_INTENT = TypeAdapter(Intent)


def record_document(record: Record) -> dict[str, Any]:
    """A record as JSON types (Decimals as strings), with the sums that readers want."""
    document: dict[str, Any] = _RECORD.dump_python(record, mode="json")
    document["quantity"] = str(record.quantity)
    document["entry_price"] = None if record.entry_price is None else str(shown(record.entry_price))
    document["initial_risk_usd"] = document["initial_risk"]
    document["fees_usd"] = str(record.fees)
    document["unpriced_fees"] = list(record.unpriced_fees)
    document["funding_usd"] = str(record.funding)
    document["realised_usd"] = str(record.gross)
    document["setup"] = record.planned.setup
    document["interval"] = record.planned.interval
    document["decision_id"] = record.planned.decision_id
    return document


def record_from(document: Mapping[str, Any]) -> Record:
    """The inverse; keys that a record does not have are left out.

    Raises:
        pydantic.ValidationError: the document is not a record.
    """
    names = {field.name for field in fields(Record)}
    return _RECORD.validate_python({key: value for key, value in document.items() if key in names})


def intent_document(intent: Intent) -> dict[str, Any]:
    """An intent as JSON types."""
    document: dict[str, Any] = _INTENT.dump_python(intent, mode="json")
    return document


def intent_from(document: Mapping[str, Any]) -> Intent:
    """The inverse.

    Raises:
        pydantic.ValidationError: the document is not an intent.
    """
    return _INTENT.validate_python(dict(document))


def decimal_of(value: float) -> Decimal:
    """A float of a message as an exact Decimal, through its shortest text."""
    return Decimal(repr(value))
