"""The record of one position: what was planned, each fill, and what it came to. Values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

from shared.domain.order import Direction, Fill
from shared.domain.units import Price, Qty, Usd, plain

_ZERO = Decimal(0)
_NO_MONEY = Usd(_ZERO)
_SHOWN = Context(prec=12, rounding=ROUND_HALF_EVEN)
ADOPTED = -1
"""Trade id of the line that stands for all that happened before we knew a position."""


class Phase(StrEnum):
    """Life of a record: opening (entry sent), open, closed (and not yet announced)."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Paid:
    """A fee in another asset than the quote: how much of it, and its worth in quote money (None: no price was known)."""

    asset: str
    amount: Decimal
    worth: Usd | None


@dataclass(frozen=True, slots=True)
class FillLine:
    """One execution of a position. `fee` is in quote money, 0 while `paid` has no known worth."""

    trade_id: int
    client_id: str
    signed_quantity: Decimal
    price: Price
    fee: Usd
    realised: Usd
    time_ms: int
    paid: Paid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What the plan wanted; None values for a position that we did not open."""

    setup: str | None = None
    interval: str = ""
    stop_distance: Decimal | None = None
    target_distance: Decimal | None = None
    edge_r: float | None = None
    decision_id: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One position from the first fill to the last.

    `stop_price` is the planned one; `initial_risk` does not follow it when it moves. `entry_order_id` is the venue's number of
    the entry: executions before its first one belong to somebody else. `funding` is positive when it was received. `anchors`
    counts how often the bracket was put around a new average price.
    """

    position_id: str
    symbol: str
    direction: Direction
    phase: Phase
    opened_ms: int
    owned: bool = True
    planned: Planned = field(default_factory=Planned)
    fills: tuple[FillLine, ...] = ()
    stop_price: Price | None = None
    target_price: Price | None = None
    initial_risk: Usd | None = None
    leverage: int | None = None
    revision: int = 0
    anchors: int = 0
    exit_hint: str = ""
    worst_price: Price | None = None
    best_price: Price | None = None
    last_mark: Price | None = None
    last_mark_ms: int = 0
    entry_order_id: int | None = None
    funding: Usd = _NO_MONEY

    @property
    def net_quantity(self) -> Decimal:
        """Signed open quantity."""
        return sum((f.signed_quantity for f in self.fills), _ZERO)

    @property
    def quantity(self) -> Qty:
        """Unsigned open quantity."""
        return Qty(abs(self.net_quantity))

    @property
    def entry_quantity(self) -> Qty:
        """Everything that was bought into the position (sold, for a short)."""
        return Qty(sum((abs(f.signed_quantity) for f in self._entries()), _ZERO))

    @property
    def entry_price(self) -> Price | None:
        """Average price of the entries."""
        return _average(self._entries())

    @property
    def exit_price(self) -> Price | None:
        """Average price of the exits."""
        return _average(self._exits())

    @property
    def gross(self) -> Usd:
        """Realised PnL before fees."""
        return Usd(sum((f.realised for f in self.fills), _ZERO))

    @property
    def fees(self) -> Usd:
        """Fees paid, positive."""
        return Usd(sum((f.fee for f in self.fills), _ZERO))

    @property
    def net(self) -> Usd:
        """Realised PnL after fees, with funding."""
        return Usd(self.gross - self.fees + self.funding)

    @property
    def r_multiple(self) -> Decimal | None:
        """Net result in multiples of the initial risk, to four places; None when the risk is unknown."""
        return self._in_r(self.net)

    @property
    def unpriced_fees(self) -> tuple[str, ...]:
        """Fees that `fees` leaves out because the asset had no price: "0.0012 BNB"."""
        sums: dict[str, Decimal] = {}
        for line in self.fills:
            if line.paid is not None and line.paid.worth is None:
                sums[line.paid.asset] = sums.get(line.paid.asset, _ZERO) + line.paid.amount
        return tuple(f"{plain(amount)} {asset}" for asset, amount in sorted(sums.items()))

    @property
    def worst(self) -> Price | None:
        """The price furthest against the position while it was open, executions that closed it included."""
        return _extreme((self.worst_price, *self._last_seen()), -self.direction.sign)

    @property
    def best(self) -> Price | None:
        """The price furthest in its favour."""
        return _extreme((self.best_price, *self._last_seen()), self.direction.sign)

    def _last_seen(self) -> list[Price | None]:
        """The newest mark, if it was before the end, and the prices of the exits."""
        if self.phase is not Phase.CLOSED:
            return [self.last_mark]
        before = self.last_mark_ms < self.fills[-1].time_ms
        return [self.last_mark if before else None, *(f.price for f in self._exits())]

    @property
    def mae_r(self) -> Decimal | None:
        """Worst unrealised result on the way, in R, before fees (<= 0 when it went against us)."""
        return self._excursion(self.worst)

    @property
    def mfe_r(self) -> Decimal | None:
        """Best unrealised result on the way, in R, before fees."""
        return self._excursion(self.best)

    def _excursion(self, price: Price | None) -> Decimal | None:
        entry = self.entry_price
        if price is None or entry is None:
            return None
        return self._in_r((price - entry) * self.direction.sign * self.entry_quantity)

    def _in_r(self, money: Decimal) -> Decimal | None:
        if self.initial_risk is None or self.initial_risk <= 0:
            return None
        return (money / self.initial_risk).quantize(Decimal("0.0001"))

    def _entries(self) -> list[FillLine]:
        return [f for f in self.fills if f.signed_quantity * self.direction.sign > 0]

    def _exits(self) -> list[FillLine]:
        return [f for f in self.fills if f.signed_quantity * self.direction.sign < 0]


def canonical(fill: Fill) -> Fill:
    """The same execution with its numbers in one form: a stream writes "10.000" where REST writes "10"."""
    return replace(
        fill,
        price=Price(Decimal(plain(fill.price))),
        quantity=Qty(Decimal(plain(fill.quantity))),
        fee=Usd(Decimal(plain(fill.fee))),
        realised=Usd(Decimal(plain(fill.realised))),
    )


def apply_fill(record: Record, fill: Fill, paid: Paid | None = None) -> Record:
    """The record after an execution; one that it already holds changes nothing, late ones find their place.

    `paid` for a fee that is not in quote money; without it the fill's own fee counts.
    """
    if any(line.trade_id == fill.trade_id for line in record.fills):
        return record
    fee = fill.fee if paid is None else paid.worth or _NO_MONEY
    line = FillLine(fill.trade_id, fill.client_id, fill.signed_quantity, fill.price, fee, fill.realised, fill.time_ms, paid)
    fills = tuple(sorted((*record.fills, line), key=lambda f: (f.time_ms, f.trade_id)))
    after = replace(record, fills=fills, revision=record.revision + 1)
    flat = after.net_quantity == 0
    phase = Phase.CLOSED if flat else Phase.OPEN
    return replace(after, phase=phase, opened_ms=_opened_ms(after))


def _opened_ms(record: Record) -> int:
    """The time of the first entry; as long as only a closing execution was told, the time from which entries are looked for."""
    return next((line.time_ms for line in record.fills if line.signed_quantity * record.direction.sign > 0), record.opened_ms)


def own_fills(record: Record, fills: list[Fill]) -> list[Fill]:
    """The executions that belong to this position: from the entry's first one on, later than an adopted start."""
    if any(line.trade_id == ADOPTED for line in record.fills):
        return [f for f in fills if f.time_ms > record.opened_ms]
    if record.entry_order_id is None:
        return []
    first = min((f.trade_id for f in fills if f.order_id == record.entry_order_id), default=None)
    return [] if first is None else [f for f in fills if f.trade_id >= first]


def shown(average: Decimal) -> Price:
    """An average (price) as it is told and stored for readers: twelve significant digits are far finer than any tick."""
    return Price(_SHOWN.plus(average))


def apply_mark(record: Record, mark: Price, time_ms: int) -> Record:
    """The record after a price was seen: worst and best for the position's direction.

    The newest price is kept apart until a newer one comes: whether it was before or after an execution of the same
    millisecond, nobody can say, so it counts for neither end of a position.
    """
    if record.phase is not Phase.OPEN or time_ms <= max(record.opened_ms, record.last_mark_ms):
        return record
    return replace(record, worst_price=record.worst, best_price=record.best, last_mark=mark, last_mark_ms=time_ms)


def _extreme(prices: Iterable[Price | None], sign: int) -> Price | None:
    """The highest price for +1, the lowest for -1."""
    return max((p for p in prices if p is not None), key=lambda p: p * sign, default=None)


def _average(lines: list[FillLine]) -> Price | None:
    quantity = sum((abs(f.signed_quantity) for f in lines), _ZERO)
    if quantity == 0:
        return None
    return Price(sum((f.price * abs(f.signed_quantity) for f in lines), _ZERO) / quantity)
