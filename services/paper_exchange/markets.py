"""From options to a market: recorded or synthetic candles, at the place where a stored run stopped."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from services.paper_exchange.candle_market import CandleMarket
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.logic import desk as desks
from services.paper_exchange.logic.candles import Grid
from services.paper_exchange.logic.desk import Desk, Fees
from services.paper_exchange.logic.funding import Fundings, FundingTrack
from services.paper_exchange.logic.marks import Marks
from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.logic.synthetic import BLOCK, COINS, MINUTE_MS, SyntheticMarket
from services.paper_exchange.logic.tape import Tape
from services.paper_exchange.logic.timeline import Batch, BatchKind, Timeline
from services.paper_exchange.logic.venue import Venue
from services.paper_exchange.options import MarketKind, Options
from services.paper_exchange.sources import mapped
from services.paper_exchange.sources.beside import HEAD, Listing, contracts_of, list_contracts
from services.paper_exchange.sources.recording import Recording
from services.paper_exchange.store import Store
from services.paper_exchange.wall import Wall
from shared.domain.errors import ConfigError

FEES = {Dialect.BINANCE: Fees(), Dialect.ASTER: Fees(maker=Decimal("0.0001"), taker=Decimal("0.0004"))}
_HISTORY_BLOCKS = 240
"""Ten days of one-minute candles before a synthetic market begins."""
_FOREVER_MS = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A market before it runs."""

    kind: MarketKind
    grid: Grid
    listing: Listing
    column: int
    points: int
    end_ms: int
    source: str
    synthetic: SyntheticMarket | None = None
    recording: Recording | None = None


class Announced(Fundings):
    """Fundings whose coming rate is what recorded mark price events announced at that moment, where there are any."""

    __slots__ = ("_tape",)

    def __init__(self, clock: Desk, tracks: Mapping[str, FundingTrack], tape: Tape) -> None:
        super().__init__(clock, tracks)
        self._tape = tape

    def current(self, symbol: str) -> tuple[float, int]:
        """(rate of the coming funding, its time)."""
        row = self._tape.index.get(symbol)
        announced = None if row is None else self._tape.marks.funding(row, self._tape.now_ms)
        return super().current(symbol) if announced is None else announced


def choose_points(interval_ms: int, options: Options, *, flow: bool = False) -> int:
    """Points per candle: as asked, else about one per second of this machine's time (five with recorded order flow), 10 to 301.

    In lock-step 4 (each point waits for everybody), at full speed 10; with recorded order flow one per second of market time in
    both. Always 3 n + 1, so that the path touches both extremes.
    """
    if options.points:
        return options.points
    if flow and (options.lock_step or options.speed > 1e6):
        return max(10, min(interval_ms // 1000, 300) // 3 * 3 + 1)
    if options.lock_step:
        return 4
    if options.speed > 1e6:
        return 10
    a_second = 5 if flow else 1
    wanted = min(a_second * interval_ms / 1000 / options.speed, a_second * interval_ms / 1000, 300)
    return max(10, int(wanted) // 3 * 3 + 1)


def plan_replay(options: Options) -> Plan:
    """Read the files and find where to start.

    Raises:
        ConfigError: files that cannot be used, unknown symbols, a start outside the data.
    """
    recording = mapped.load(options.paths, tuple(sorted(set(options.symbols))))
    grid, first = recording.grid, options.paths[0]
    listing = replace(list_contracts(grid, first if first.is_dir() else first.parent), fundings=recording.fundings)
    column = min(options.warmup, 1 if recording.flow.built else grid.width // 2)
    if options.start_ms is not None:
        column = grid.column(options.start_ms)
    end_ms = min(options.end_ms or grid.end_ms, grid.end_ms)
    if not 0 <= column < grid.width or end_ms <= grid.open_ms(column):
        raise ConfigError(
            f"{first}: nothing to replay from {grid.open_ms(column)} to {end_ms}; the data run from {grid.start_ms} to {grid.end_ms} (ms)"
        )
    return Plan(
        kind=MarketKind.REPLAY,
        grid=grid,
        listing=listing,
        column=column,
        points=choose_points(grid.interval_ms, options, flow=bool(recording.flow)),
        end_ms=end_ms,
        source=", ".join(str(path) for path in options.paths),
        recording=recording,
    )


def plan_synthetic(options: Options, store: Store, wall: Wall) -> Plan:
    """Generate history up to now. With a store the market goes on where it began, so prices continue after a restart.

    Raises:
        ConfigError: a symbol that the synthetic market does not have.
    """
    known = {coin.symbol for coin in COINS}
    unknown = [name for name in options.symbols if name not in known]
    if unknown:
        raise ConfigError(f"the synthetic market has no {', '.join(unknown)}; it has {', '.join(sorted(known)[:8])} and others")
    coins = tuple(coin for coin in COINS if not options.symbols or coin.symbol in options.symbols)
    now = options.start_ms if options.start_ms is not None else wall.wall_ms()
    begin = now // MINUTE_MS * MINUTE_MS
    stored = store.read_meta(f"synthetic:{options.seed}")
    origin = int(stored) if stored is not None else begin - _HISTORY_BLOCKS * BLOCK * MINUTE_MS
    store.write_meta({f"synthetic:{options.seed}": str(origin)})
    market = SyntheticMarket(options.seed, coins, origin)
    grid = market.block()
    while grid.end_ms <= begin + BLOCK * MINUTE_MS:
        grid.extend(market.block())
    return Plan(
        kind=MarketKind.SYNTHETIC,
        grid=grid,
        listing=contracts_of(coins, grid),
        column=grid.column(begin),
        points=choose_points(MINUTE_MS, options),
        end_ms=options.end_ms or _FOREVER_MS,
        source=f"synthetic prices, seed {options.seed}: not a real market",
        synthetic=market,
    )


def build_exchange(options: Options, plan: Plan, store: Store, wall: Wall) -> Exchange:
    """Put a market together with its desk, account and history; stands where a stored run of the same data stopped."""
    tape, stored = _tape(plan, store)
    listing = plan.listing
    market = desks.Market(rules={rules.symbol: rules for rules in listing.rules}, ladders=listing.ladders, quotes=tape.quote)
    desk = Desk(market, FEES[options.dialect], options.dialect, options.seed)
    desk.time_ms = tape.open_ms
    timeline = Timeline(tape, plan.end_ms)
    timeline.end_ms = plan.end_ms
    if stored is not None:
        desk.time_ms = max(desk.time_ms, timeline.stand(stored))
    exchange = Exchange(options, desk, store, wall)
    fundings = Announced(desk, listing.fundings, tape)
    venue = Venue(tape, desk, timeline, fundings.due)
    if plan.recording is not None:
        venue.more = plan.recording.more
    candle_market = CandleMarket(exchange, venue, {**HEAD, **listing.head}, fundings)
    candle_market.kind, candle_market.source, candle_market.batch = plan.kind, plan.source, stored
    candle_market.note = "; ".join(plan.recording.notes) if plan.recording is not None else ""
    exchange.market = candle_market
    candle_market.pacer.ended = tape.ended = timeline.next() is None
    if plan.synthetic is not None:
        _go_on(candle_market, plan.synthetic)
    restore_account(exchange)
    return exchange


def _tape(plan: Plan, store: Store) -> tuple[Tape, Batch | None]:
    """A tape at the plan's start, or at the stored place of a replay of the same data."""
    names = hashlib.sha256(",".join(plan.grid.symbols).encode()).hexdigest()[:16]
    identity = f"{plan.kind.value}:{plan.grid.interval}:{plan.grid.start_ms}:{names}"
    position = store.read_meta("position") if store.read_meta("identity") == identity else None
    store.write_meta({"identity": identity})
    stored = read_position(position, plan) if plan.kind is MarketKind.REPLAY else None
    column = plan.column
    if stored is not None:
        column = stored.column + (stored.kind is BatchKind.CLOSES)
    found = plan.recording
    recorded = None if found is None else (found.flow, Marks(plan.grid, found.flow, found.marks, found.index))
    return Tape(plan.grid, plan.listing.rules, plan.points, column, recorded), stored


def read_position(text: str | None, plan: Plan) -> Batch | None:
    """The stored place, scaled when candles now have another number of points."""
    if not text:
        return None
    column, point, kind, points = text.split(",")
    scaled = int(point) if int(points) == plan.points else min(plan.points - 1, int(point) * plan.points // int(points))
    return Batch(BatchKind(kind), 0, int(column), scaled)


def _go_on(market: CandleMarket, synthetic: SyntheticMarket) -> None:
    """Let a synthetic market grow, and bring it to the present moment."""
    venue = market.venue

    def grow(_batch: Batch) -> None:
        if venue.tape.column + 2 >= venue.tape.grid.width:
            venue.tape.grid.extend(synthetic.block())

    market.before_batch = grow
    if market.pacer.lock_step:
        return
    now = market.exchange.wall.wall_ms()
    while (coming := venue.timeline.next()) is not None and coming.time_ms <= now:
        market.batch = venue.step()
        if market.batch is not None:
            venue.settle(market.batch)
    market.pacer.anchor(now)


def restore_account(exchange: Exchange) -> None:
    """Load what is stored; open the account of the options when it is not there yet."""
    options, desk = exchange.options, exchange.desk
    exchange.store.load(desk)
    stored_ms = exchange.store.read_meta("time_ms")
    if stored_ms is not None and exchange.store.read_meta("position"):
        desk.time_ms = max(desk.time_ms, int(stored_ms)) if options.market is not MarketKind.REPLAY else desk.time_ms
    known = desk.accounts.get(options.api_key)
    if known is None:
        exchange.open_account(options.api_key, options.api_secret, options.balance)
    elif known.secret != options.api_secret:
        known.secret = options.api_secret
        desk.touch_account(known)
    exchange.flush()
