"""Which contracts are scanned."""

from collections.abc import Mapping

from shared.config.sections.universe import Universe
from shared.domain.instrument import Instrument


def select(instruments: Mapping[str, Instrument], quote_volume: Mapping[str, float], wanted: Universe, quote: str) -> tuple[str, ...]:
    """Symbols to scan, sorted: contracts of the quote asset that trade, included, not excluded, the most traded first when capped.

    Ties in volume go by name, and a symbol without a known volume counts as the least traded.
    """
    eligible = [
        symbol
        for symbol, instrument in instruments.items()
        if instrument.trading
        and instrument.quote == quote
        and symbol not in wanted.exclude_symbols
        and (not wanted.include_symbols or symbol in wanted.include_symbols)
    ]
    if wanted.max_symbols:
        eligible = sorted(eligible, key=lambda symbol: (-quote_volume.get(symbol, -1.0), symbol))[: wanted.max_symbols]
    return tuple(sorted(eligible))


def unknown(instruments: Mapping[str, Instrument], wanted: Universe) -> tuple[str, ...]:
    """Included symbols that the venue does not list at all: most likely typing errors."""
    return tuple(symbol for symbol in wanted.include_symbols if symbol not in instruments)
