"""A recording as a whole: candles, fundings, mark prices and order flow on one grid."""

from dataclasses import dataclass, field

from services.paper_exchange.logic.candles import Grid
from services.paper_exchange.logic.flow import Flow
from services.paper_exchange.logic.funding import FundingTrack


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All grids and tables share the rows of `grid`. `more`: longer candles by interval; `notes`: what was not used, and why."""

    grid: Grid
    fundings: dict[str, FundingTrack] = field(default_factory=dict)
    more: dict[str, Grid] = field(default_factory=dict)
    marks: Grid | None = None
    index: Grid | None = None
    flow: Flow = field(default_factory=Flow)
    notes: tuple[str, ...] = ()
