"""Fees that were paid in another asset than the quote (BNB, ASTER): their worth in quote money, or that nobody knows it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from services.executor.logic.record import FillLine, Paid, Record
from shared.domain.order import Fill
from shared.domain.units import Price, Usd

_CENT = Decimal("1e-8")
"""The venue's own precision of money."""


def worth(amount: Decimal, price: Price) -> Usd:
    """An amount of an asset in quote money, to the venue's eight decimals."""
    return Usd((amount * price).quantize(_CENT, ROUND_HALF_EVEN).normalize() + Decimal(0))


def paid(fill: Fill, quote: str, price: Price | None) -> Paid | None:
    """How the fee of a fill was paid; None for quote money. `price` is the asset's in quote money, None when it is not known."""
    if not fill.fee or fill.fee_asset in {"", quote}:
        return None
    return Paid(fill.fee_asset, Decimal(fill.fee), None if price is None else worth(fill.fee, price))


def unpriced_assets(record: Record) -> set[str]:
    """Assets in which fees were paid whose worth is not known yet."""
    return {line.paid.asset for line in record.fills if _unpriced(line) and line.paid is not None}


def priced(record: Record, prices: Mapping[str, Price]) -> Record:
    """The record with the fees that these prices (by asset) can tell; others stay unknown, known ones stay as they are."""
    fills = tuple(_with_price(line, prices) for line in record.fills)
    return record if fills == record.fills else replace(record, fills=fills, revision=record.revision + 1)


def _with_price(line: FillLine, prices: Mapping[str, Price]) -> FillLine:
    if line.paid is None or not _unpriced(line) or line.paid.asset not in prices:
        return line
    fee = worth(line.paid.amount, prices[line.paid.asset])
    return replace(line, fee=fee, paid=replace(line.paid, worth=fee))


def _unpriced(line: FillLine) -> bool:
    return line.paid is not None and line.paid.worth is None
