"""The limits of the exposure script, from settings and equity."""

from shared.config.sections.risk import Risk
from shared.domain.units import Usd, to_micro
from shared.state.port import ExposureCaps


def exposure_caps(risk: Risk, equity: Usd) -> ExposureCaps:
    """Limits over all open positions and reservations, in micro-USD."""
    return ExposureCaps(
        margin_uusd=to_micro(risk.equity_fraction * equity),
        risk_uusd=to_micro(risk.max_open_risk * equity),
        max_open=risk.max_open_global,
        max_per_symbol=risk.max_open_per_symbol,
    )
