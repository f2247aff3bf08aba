"""How a position is entered and how it is left."""

from decimal import Decimal
from typing import ClassVar

from shared.config.choices import EntryType, UnownedPolicy
from shared.config.kinds import Texts
from shared.config.knob import LIVE, NEXT_TRADE, Section, knob


class Exits(Section):
    """Entry order, stop and target distances, FastTP, break-even, and what is not ours."""

    title: ClassVar[str] = "Entry and exits"

    sl_atr_mult: Decimal = knob(
        "1.0",
        env="ASTER_SL_ATR_MULT",
        ge=Decimal("0.1"),
        le=20,
        unit="ATR",
        applies=NEXT_TRADE,
        presets={"low": "1.1", "mid": "1.0", "high": "1.3", "att": "0.9"},
    )
    """Distance of the stop from the entry."""
    tp_atr_mult: Decimal = knob(
        "1.6",
        env="ASTER_TP_ATR_MULT",
        ge=Decimal("0.1"),
        le=50,
        unit="ATR",
        applies=NEXT_TRADE,
        presets={"low": "1.8", "mid": "1.6", "high": "2.3", "att": "1.6"},
    )
    """Distance of the target from the entry."""
    entry_type: EntryType = knob("market", env="ASTER_ENTRY_TYPE", applies=NEXT_TRADE)
    """Enter at once (market), or with a post-only limit order that saves the taker fee but may not fill (limit)."""
    entry_limit_s: float = knob("20", env="ASTER_ENTRY_LIMIT_SECONDS", ge=1, le=600, unit="s", applies=NEXT_TRADE)
    """How long a limit entry may wait for its fill before it is cancelled."""

    fast_tp_enabled: bool = knob("true", env="FAST_TP_ENABLED", group="FastTP", applies=LIVE)
    """Pull the stop close when a winning trade turns quickly."""
    fast_tp_min_r: Decimal = knob(
        "0.30",
        env="FASTTP_MIN_R",
        ge=0,
        le=10,
        unit="R",
        group="FastTP",
        applies=LIVE,
        presets={"low": "0.18", "mid": "0.30", "high": "0.32", "att": "0.20"},
    )
    """Open profit in multiples of the risk from which FastTP watches a trade."""
    fast_tp_ret1: Decimal = knob(
        "-0.0010",
        env="FAST_TP_RET1",
        ge=Decimal("-0.5"),
        le=0,
        unit="return",
        group="FastTP",
        applies=LIVE,
        presets={"low": "-0.0007", "mid": "-0.0010", "high": "-0.0013", "att": "-0.0005"},
    )
    """Return over one minute, in the direction of the trade, that counts as a turn."""
    fast_tp_ret3: Decimal = knob(
        "-0.0020",
        env="FAST_TP_RET3",
        ge=Decimal("-0.5"),
        le=0,
        unit="return",
        group="FastTP",
        applies=LIVE,
        presets={"low": "-0.0014", "mid": "-0.0020", "high": "-0.0026", "att": "-0.0012"},
    )
    """Return over three minutes, in the direction of the trade, that counts as a turn."""
    fast_tp_snap_atr: Decimal = knob(
        "0.25",
        env="FASTTP_SNAP_ATR",
        gt=0,
        le=10,
        unit="ATR",
        group="FastTP",
        applies=LIVE,
        presets={"low": "0.20", "mid": "0.25", "high": "0.30", "att": "0.18"},
    )
    """Distance from the mark price to which the stop is pulled."""
    fast_tp_cooldown_s: float = knob(
        "15",
        env="FASTTP_COOLDOWN_S",
        ge=0,
        le=3600,
        unit="s",
        group="FastTP",
        applies=LIVE,
        presets={"low": "60", "mid": "15", "high": "30", "att": "40"},
    )
    """Shortest time between two pulls."""

    break_even_r: Decimal = knob("0", env="ASTER_BREAK_EVEN_R", ge=0, le=10, unit="R", group="Break-even", applies=LIVE)
    """Open profit in multiples of the risk at which the stop moves to entry plus costs; 0 leaves it where it is."""

    unowned_positions: UnownedPolicy = knob("alert", env="ASTER_UNOWNED_POSITIONS", group="Not ours", applies=LIVE)
    """Positions that MrAster did not open: alert reports them, adopt protects them with a default stop, ignore leaves them alone."""
    legacy_order_prefixes: Texts = knob("", env="ASTER_LEGACY_ORDER_PREFIXES", group="Not ours", applies=LIVE, expert=True)
    """Client-id prefixes of an older bot, separated by commas; orders with them are treated as ours."""
