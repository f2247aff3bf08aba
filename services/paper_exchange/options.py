"""How the paper venue is to run; checked as a whole before anything starts."""

import ipaddress
import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from services.paper_exchange.logic.spec import Dialect
from shared.domain.errors import ConfigError

DEFAULT_KEY = "paper-key"
DEFAULT_SECRET = "paper-secret"  # noqa: S105 - public by intent; only taken on loopback


class MarketKind(StrEnum):
    """Where prices come from; `auto` is live when the upstream answers, else synthetic."""

    SYNTHETIC = "synthetic"
    REPLAY = "replay"
    LIVE = "live"
    AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything `serve` needs to know.

    `speed`: venue seconds per second in a replay, `math.inf` for as fast as possible. `points`: price points per candle
    (3 n + 1), 0 chooses by interval and speed. `warmup`: candles that are history when a replay begins (unless `start_ms`).
    `store_path`: SQLite file, None keeps everything in memory. `slow_frames`: unsent frames at which a consumer is cut off.
    """

    host: str = "127.0.0.1"
    port: int = 0
    market: MarketKind = MarketKind.SYNTHETIC
    paths: tuple[Path, ...] = ()
    symbols: tuple[str, ...] = ()
    speed: float = 1.0
    seed: int = 1
    lock_step: bool = False
    points: int = 0
    warmup: int = 400
    dialect: Dialect = Dialect.BINANCE
    api_key: str = DEFAULT_KEY
    api_secret: str = DEFAULT_SECRET
    balance: Decimal = Decimal(10_000)
    store_path: Path | None = None
    upstream: str = "https://fapi.binance.com"
    upstream_stream: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    faults: bool = False
    limits: bool = True
    slow_frames: int = 50_000


def split_paths(text: str) -> tuple[Path, ...]:
    """The files and folders of `a.parquet,b.parquet`; a file whose own name has a comma is one path.

    A later part that is not found from here is looked for in the folders above the first one, because a list may have been made
    absolute as a whole.
    """
    if "," not in text or Path(text).exists():
        return (Path(text),) if text else ()
    first, *others = (Path(part.strip()) for part in text.split(",") if part.strip())
    return first, *(_near(part, first) for part in others)


def _near(part: Path, first: Path) -> Path:
    return next((path for path in (part, *(folder / part for folder in first.parents)) if path.exists()), part)


def is_loopback(host: str) -> bool:
    """Whether a bind address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check(options: Options) -> None:
    """Refuse options that cannot work, all problems in one message.

    Raises:
        ConfigError: with one line per problem.
    """
    problems = [*_market_problems(options), *_access_problems(options)]
    if problems:
        raise ConfigError("the paper venue cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))


def _market_problems(options: Options) -> list[str]:
    problems: list[str] = []
    if options.market is MarketKind.REPLAY and not options.paths:
        problems.append("a replay needs a data file: expected --market replay:PATH")
    if not options.speed > 0 or math.isnan(options.speed):
        problems.append(f"speed must be a positive number or max, got {options.speed}")
    if options.points and (options.points < 4 or (options.points - 1) % 3):
        problems.append(f"points must be 4, 7, 10, ... (3 n + 1), got {options.points}")
    if options.lock_step and options.market in {MarketKind.LIVE, MarketKind.AUTO}:
        problems.append("lock-step needs recorded or synthetic prices: a live market does not wait")
    if options.start_ms is not None and options.end_ms is not None and options.start_ms >= options.end_ms:
        problems.append(f"the start ({options.start_ms}) must lie before the end ({options.end_ms})")
    if options.balance <= 0:
        problems.append(f"the opening balance must be positive, got {options.balance}")
    return problems


def _access_problems(options: Options) -> list[str]:
    problems: list[str] = []
    default = options.api_key == DEFAULT_KEY or options.api_secret == DEFAULT_SECRET
    if default and not is_loopback(options.host):
        problems.append(f"the default key and secret work on loopback only: give --api-key and --api-secret to bind {options.host}")
    if not options.api_key or not options.api_secret:
        problems.append("API key and secret must not be empty")
    return problems
