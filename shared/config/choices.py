"""The closed sets that settings choose from."""

from enum import StrEnum


class LogLevel(StrEnum):
    """How much a service says."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class Mode(StrEnum):
    """How much of the product the dashboard shows; `ai` also turns the AI on."""

    STANDARD = "standard"
    PRO = "pro"
    AI = "ai"


class Preset(StrEnum):
    """A named set of start values; `att` trades against the trend."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"
    ATT = "att"


class Dialect(StrEnum):
    """Which venue's habits the client follows."""

    AUTO = "auto"
    BINANCE = "binance"
    ASTER = "aster"
    ASTER_V1 = "aster-v1"


class PaperMarket(StrEnum):
    """Where the paper venue takes its prices from."""

    AUTO = "auto"
    LIVE = "live"
    REPLAY = "replay"
    SYNTHETIC = "synthetic"


class TrendBias(StrEnum):
    """Whether crosses are traded with the trend or faded."""

    WITH = "with"
    AGAINST = "against"


class CalibrationMode(StrEnum):
    """What the calibrated edge may do: refuse a signal, or only be shown."""

    AUTO = "auto"
    ENFORCE = "enforce"
    ADVISE = "advise"


class EntryType(StrEnum):
    """How a position is entered: at once, or with a post-only limit order."""

    MARKET = "market"
    LIMIT = "limit"


class UnownedPolicy(StrEnum):
    """What happens to a position that MrAster did not open."""

    ALERT = "alert"
    ADOPT = "adopt"
    IGNORE = "ignore"


class Interval(StrEnum):
    """Candle lengths that a Binance-compatible venue serves; each is also a plain string."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
