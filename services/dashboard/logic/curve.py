"""The equity curve, bounded: when it is full, every second point is dropped and new ones are taken half as often."""

from decimal import Decimal

from services.dashboard.logic.answers import Unknown
from services.dashboard.logic.rows import Equity, EquityPoint

LIMIT = 1_000


class Points:
    """Values over time, at most `limit` of them; the newest is always there."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: list[tuple[int, Decimal]] = []
        self._last: tuple[int, Decimal] | None = None
        self._stride = 1
        self._seen = 0

    def add(self, ms: int, value: Decimal) -> None:
        """One more point; one that is older than the last is taken at the last's time."""
        if self._last is not None:
            ms = max(ms, self._last[0])
        self._last = (ms, value)
        if self._seen % self._stride == 0:
            self._kept.append(self._last)
        self._seen += 1
        if len(self._kept) > self._limit:
            self._kept = self._kept[::2]
            self._stride *= 2

    @property
    def last(self) -> Decimal | None:
        """The newest value."""
        return None if self._last is None else self._last[1]

    def list(self) -> list[tuple[int, Decimal]]:
        """What is kept, and the newest."""
        if self._last is None or (self._kept and self._kept[-1] == self._last):
            return list(self._kept)
        return [*self._kept, self._last]


class Curve:
    """Realised result by trade, and equity samples."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._net = Points(limit)
        self._samples = Points(limit)
        self._total = Decimal(0)
        self._trades = 0
        self._opened_ms: int | None = None
        self.opening: Decimal | None = None

    def trade(self, opened_ms: int, closed_ms: int, net: Decimal) -> None:
        """A trade was closed."""
        if self._opened_ms is None:
            self._opened_ms = opened_ms
        self._total += net
        self._trades += 1
        self._net.add(closed_ms, self._total)

    def sample(self, ms: int, equity: Decimal) -> bool:
        """The account was read; True when it moved."""
        if equity == self._samples.last:
            return False
        self._samples.add(ms, equity)
        return True

    @property
    def count(self) -> int:
        """Trades so far."""
        return self._trades

    def answer(self) -> Equity:
        """Both curves; the realised one needs the opening balance."""
        opening = self.opening
        realised: list[EquityPoint] = []
        if opening is not None and self._opened_ms is not None:
            realised = [EquityPoint(ms=self._opened_ms, usd=opening)]
            realised += [EquityPoint(ms=ms, usd=opening + net) for ms, net in self._net.list()]
        return Equity(
            opening_usd=opening,
            realised=tuple(realised),
            samples=tuple(EquityPoint(ms=ms, usd=usd) for ms, usd in self._samples.list()),
            trades=self._trades,
            net_usd=self._total,
            unknown=Unknown.NOT_REPORTED if opening is None else None,
        )
