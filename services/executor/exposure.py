"""The limits of the exposure script, and what positions without a reservation take of them."""

from collections.abc import Mapping
from decimal import Decimal

from services.executor.logic.record import Record
from services.executor.logic.sizing import Foreign, Reservations
from shared.config.sections.risk import Risk
from shared.domain.position import VenuePosition
from shared.domain.units import Usd, to_micro
from shared.state.port import ExposureCaps


def exposure_caps(risk: Risk, equity: Usd, foreign: Foreign) -> ExposureCaps:
    """Limits over reservations, in micro-USD: what positions without one hold is taken off first."""
    return ExposureCaps(
        margin_uusd=max(0, to_micro(risk.equity_fraction * equity - foreign.margin)),
        risk_uusd=max(0, to_micro(risk.max_open_risk * equity - foreign.risk)),
        max_open=max(1, risk.max_open_global - foreign.count) if risk.max_open_global else 0,
        max_per_symbol=risk.max_open_per_symbol,
    )


def foreign_of(positions: Mapping[str, VenuePosition], reservations: Reservations, records: Mapping[str, Record]) -> Foreign:
    """Margin and known risk of positions whose symbol has no reservation. A leverage that is not told counts as 1."""
    reserved = {symbol for symbol, _, _ in reservations.values()}
    margin, risk, count = Decimal(0), Decimal(0), 0
    for symbol, position in positions.items():
        if symbol in reserved:
            continue
        record = records.get(symbol)
        count += 1
        margin += position.quantity * position.mark_price / (position.leverage or 1)
        risk += (record.initial_risk or Decimal(0)) if record is not None else Decimal(0)
    return Foreign(Usd(margin), Usd(risk), count)
