"""Which contracts are watched."""

from typing import ClassVar

from shared.config.kinds import Symbols
from shared.config.knob import LIVE, Section, knob


class Universe(Section):
    """The symbols that are scanned."""

    title: ClassVar[str] = "Universe"

    include_symbols: Symbols = knob("", env="ASTER_INCLUDE_SYMBOLS", applies=LIVE)
    """Symbols to scan, separated by commas; empty means every contract of the quote asset."""
    exclude_symbols: Symbols = knob("", env="ASTER_EXCLUDE_SYMBOLS", applies=LIVE)
    """Symbols that are never traded, separated by commas; wins over the included ones."""
    max_symbols: int = knob("0", env="ASTER_UNIVERSE_MAX", ge=0, le=5000, unit="symbols", applies=LIVE)
    """Only this many symbols with the highest 24-hour quote volume; 0 means all."""
