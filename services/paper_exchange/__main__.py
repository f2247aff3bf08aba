"""`python -m services.paper_exchange`: the venue alone, for tests and benchmarks."""

import argparse
import math
import sys
from decimal import Decimal
from pathlib import Path

from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.options import DEFAULT_KEY, DEFAULT_SECRET, MarketKind, Options, split_paths
from services.paper_exchange.service import run
from shared.domain.errors import MrasterError


def _speed(text: str) -> float:
    return math.inf if text == "max" else float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="paper-exchange", description="The paper venue.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--market", default="synthetic", help="synthetic, replay:PATH[,PATH...], live or auto")
    parser.add_argument("--symbols", default="")
    parser.add_argument("--speed", type=_speed, default=1.0, help="a number or max")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--warmup", type=int, default=400)
    parser.add_argument("--start-ms", type=int)
    parser.add_argument("--end-ms", type=int)
    parser.add_argument("--lock-step", action="store_true")
    parser.add_argument("--dialect", choices=[item.value for item in Dialect], default="binance")
    parser.add_argument("--api-key", default=DEFAULT_KEY)
    parser.add_argument("--api-secret", default=DEFAULT_SECRET)
    parser.add_argument("--balance", type=Decimal, default=Decimal(10_000))
    parser.add_argument("--store", type=Path)
    parser.add_argument("--upstream", default="https://fapi.binance.com")
    parser.add_argument("--upstream-stream", default="")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--no-limits", action="store_true")
    parser.add_argument("--slow-frames", type=int, default=50_000)
    return parser


def options_of(arguments: argparse.Namespace) -> Options:
    """Options from parsed arguments."""
    kind, _, paths = arguments.market.partition(":")
    return Options(
        host=arguments.host,
        port=arguments.port,
        market=MarketKind(kind),
        paths=split_paths(paths),
        symbols=tuple(item for item in arguments.symbols.upper().split(",") if item),
        speed=arguments.speed,
        seed=arguments.seed,
        points=arguments.points,
        warmup=arguments.warmup,
        lock_step=arguments.lock_step,
        dialect=Dialect(arguments.dialect),
        api_key=arguments.api_key,
        api_secret=arguments.api_secret,
        balance=arguments.balance,
        store_path=arguments.store,
        upstream=arguments.upstream,
        upstream_stream=arguments.upstream_stream,
        start_ms=arguments.start_ms,
        end_ms=arguments.end_ms,
        faults=arguments.faults,
        limits=not arguments.no_limits,
        slow_frames=arguments.slow_frames,
    )


def _ready(url: str) -> None:
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()


def main() -> int:
    """Run until stopped; 1 with one message on stderr when it cannot start."""
    try:
        options = options_of(_parser().parse_args())
        run(options, ready=_ready)
    except MrasterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
