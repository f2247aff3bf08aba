"""Market hygiene: what a market must look like before a signal in it counts."""

from typing import ClassVar

from shared.config.knob import LIVE, Section, knob


class Filters(Section):
    """Thresholds of the filters; floats, because they are compared with float64 market features."""

    title: ClassVar[str] = "Filters"

    min_quote_volume_usdt: float = knob("150000", env="ASTER_MIN_QUOTE_VOL_USDT", ge=0, le=1e15, unit="USDT", applies=LIVE)
    """Least quote volume of the last 24 hours."""
    spread_max_ratio: float = knob("0.0030", env="ASTER_SPREAD_BPS_MAX", gt=0, le=1, unit="fraction of mid", applies=LIVE)
    """Widest spread between bid and ask. A fraction in spite of the name: 0.0030 is 30 basis points."""
    wickiness_max: float = knob("0.97", env="ASTER_WICKINESS_MAX", ge=0, le=1, unit="share of the range", applies=LIVE)
    """Largest share of wick in the last three candles; 1 lets everything pass."""

    funding_enabled: bool = knob("true", env="ASTER_FUNDING_FILTER_ENABLED", group="Funding", applies=LIVE)
    """Skip entries that would pay too much funding."""
    funding_max_long: float = knob(
        "0.0010",
        env="ASTER_FUNDING_MAX_LONG",
        ge=0,
        le=1,
        unit="per 8 h",
        group="Funding",
        applies=LIVE,
        presets={"low": "0.0007", "mid": "0.0010", "high": "0.0014", "att": "0.0011"},
    )
    """Highest funding rate at which a long is entered."""
    funding_max_short: float = knob(
        "0.0010",
        env="ASTER_FUNDING_MAX_SHORT",
        ge=0,
        le=1,
        unit="per 8 h",
        group="Funding",
        applies=LIVE,
        presets={"low": "0.0009", "mid": "0.0010", "high": "0.0018", "att": "0.0013"},
    )
    """Highest rate paid by shorts (a negative funding rate of this size) at which a short is entered."""

    non_arb_enabled: bool = knob("true", env="ASTER_NON_ARB_FILTER_ENABLED", group="Mark and index", applies=LIVE)
    """Skip entries against funding that the gap between mark and index price does not explain."""
    non_arb_clamp: float = knob(
        "0.0005",
        env="ASTER_NON_ARB_CLAMP_BPS",
        ge=0,
        le=1,
        unit="fraction of index",
        group="Mark and index",
        applies=LIVE,
        expert=True,
    )
    """Part of the gap that counts as an explanation of funding. A fraction in spite of the name: 0.0005 is 5 basis points."""
    non_arb_edge_threshold: float = knob(
        "0.00005",
        env="ASTER_NON_ARB_EDGE_THRESHOLD",
        ge=0,
        le=1,
        unit="per interval",
        group="Mark and index",
        applies=LIVE,
        expert=True,
    )
    """Unexplained funding that is tolerated."""
    non_arb_skip_gap: float = knob(
        "0.0015",
        env="ASTER_NON_ARB_SKIP_GAP",
        gt=0,
        le=1,
        unit="fraction of index",
        group="Mark and index",
        applies=LIVE,
        expert=True,
    )
    """Gap between mark and index price at which no entry is made at all."""
