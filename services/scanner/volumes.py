"""The day's distribution of volumes, which ranks are read from: the same for all scanners, renewed at fixed candles."""

from typing import Any

import numpy as np

from services.scanner.board import Board
from services.scanner.logic.market import Reference
from shared.runtime.context import Context

FIELD = "volumes"
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_KEPT = 2


class Volumes:
    """Keeps the board's references: one per UTC day of venue time, in force from an hour after the day's first candle.

    The hour is room for reading it; which decisions see which reference depends on candles only, not on how fast we were.
    References are in Redis, so that a scanner that joins or restarts ranks like those before it.
    """

    def __init__(self, ctx: Context, board: Board) -> None:
        self._ctx = ctx
        self._board = board
        self._asked_day = -1

    async def load(self, fetched: dict[str, float], bar: int) -> None:
        """Take the stored references; when there are none for these days, begin with volumes that were just read."""
        stored = await self._stored()
        usable = [r for r in stored if r.from_bar <= bar + self._lead and self._day(bar) - r.day <= 1]
        self._board.references = usable or [reference(self._day(bar), 0, fetched)]
        if not usable:
            await self._save()
        self._asked_day = max(r.day for r in self._board.references)

    def due(self, bar: int) -> bool:
        """Whether a new day has begun; True once for each."""
        if self._day(bar) <= self._asked_day:
            return False
        self._asked_day = self._day(bar)
        return True

    async def renew(self, bar: int, universe: tuple[str, ...]) -> None:
        """Add the reference of the day of `bar`: another scanner's, or from the venue's statistics."""
        day = self._day(bar)
        known = [r for r in await self._stored() if r.day == day]
        if known:
            self._board.references = [*self._board.references, *known][-_KEPT:]
            return
        wanted = frozenset(universe)
        tickers = await self._ctx.venue.public.tickers_24h()
        fetched = {t.symbol: t.quote_volume for t in tickers if t.symbol in wanted}
        self._board.references = [*self._board.references, reference(day, bar + self._lead, fetched)][-_KEPT:]
        await self._save()

    @property
    def _lead(self) -> int:
        """Candles of an hour, at least one."""
        return max(1, _HOUR_MS // self._board.frame.length_ms)

    def _day(self, bar: int) -> int:
        return self._board.frame.open_ms(bar) // _DAY_MS

    async def _stored(self) -> list[Reference]:
        document = await self._ctx.state.get(self._ctx.keys.universe, FIELD)
        return [] if document is None else [_from_json(item) for item in document["references"]]

    async def _save(self) -> None:
        items = [{"day": r.day, "from_bar": r.from_bar, "volumes": r.volumes.tolist()} for r in self._board.references]
        await self._ctx.state.put(self._ctx.keys.universe, FIELD, {"references": items})


def reference(day: int, from_bar: int, volumes: dict[str, float]) -> Reference:
    """A reference from the venue's 24-hour statistics."""
    return Reference(day, from_bar, np.sort(np.array(list(volumes.values()), dtype=np.float64)))


def _from_json(item: dict[str, Any]) -> Reference:
    return Reference(int(item["day"]), int(item["from_bar"]), np.array(item["volumes"], dtype=np.float64))
