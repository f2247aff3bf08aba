"""Pages of candles and fundings from a venue, as tables of the recording's layout."""

import asyncio
import math
from collections import deque
from itertools import pairwise
from typing import Any

import pyarrow as pa

from services.commands.data_layout import Dataset
from services.commands.data_span import Span
from shared.domain.candle import interval_ms
from shared.domain.errors import ContractViolation
from shared.exchange.call import Call
from shared.exchange.fields import array, row, rows
from shared.exchange.http import VenueHttp
from shared.exchange.venues.shape import Endpoint, VenuePolicy, klines_weight

PAGE = 500
"""Candles per request: 2 of weight, the cheapest per candle of what the venue offers."""
FUNDING_PAGE = 1000
_ENDPOINTS = {"klines": "klines", "mark": "markPriceKlines", "index": "indexPriceKlines"}
_MINUTE_MS = 60_000
_FUNDING_MOST, _FUNDING_S = 400, 300.0
"""Fundings have a budget of their own: 500 requests in five minutes and address; a reserve is left to others."""


class Fetcher:
    """Asks one venue, within its budget, and checks what it says."""

    def __init__(self, http: VenueHttp, policy: VenuePolicy) -> None:
        self._http = http
        self._policy = policy
        self._fundings: deque[float] = deque()
        self.requests = 0

    def _path(self, name: str) -> str:
        """A market data endpoint, of the same version as the klines."""
        return self._policy.path(Endpoint.KLINES).removesuffix("klines") + name

    async def _get(self, name: str, params: list[tuple[str, str]], weight: int) -> Any:
        self.requests += 1
        return await self._http.request(Call(method="GET", path=self._path(name), params=params, weight=weight))

    async def funding_hours(self) -> dict[str, float]:
        """Hours between two fundings, of the contracts that the venue lists with a schedule."""
        found = {}
        for item in rows(await self._get("fundingInfo", [], 1), "fundingInfo"):
            hours = item.get("fundingIntervalHours")
            if isinstance(hours, int | float) and hours > 0:
                found[str(item.get("symbol"))] = float(hours)
        return found

    async def exchange_info(self) -> Any:
        """The contracts as the venue shows them."""
        return row(await self._get("exchangeInfo", [], 1), "exchangeInfo")

    async def first_candle(self, dataset: Dataset, symbol: str, span: Span) -> int:
        """When the first candle within a span opens; its beginning when the venue does not tell, its end when there is none."""
        params = [("pair" if dataset.kind == "index" else "symbol", symbol), ("interval", dataset.interval)]
        params += [("startTime", str(span[0])), ("limit", "1")]
        found = array(await self._get(_ENDPOINTS[dataset.kind], params, klines_weight(1)), f"{dataset.stem} {symbol}")
        opened = found[0][0] if found and isinstance(found[0], list) and found[0] else span[0]
        return min(opened, span[1]) if isinstance(opened, int) and opened > span[0] else span[0]

    async def candles(self, dataset: Dataset, symbol: str, span: Span) -> pa.Table:
        """Candles that open within a span: one request per `PAGE` of them.

        Raises:
            ContractViolation: rows that do not belong to the span, or not to the grid of the interval.
        """
        length = interval_ms(dataset.interval)
        found: list[dict[str, Any]] = []
        for at in range(span[0], span[1], PAGE * length):
            until = min(span[1], at + PAGE * length)
            limit = (until - at) // length
            params = [("pair" if dataset.kind == "index" else "symbol", symbol), ("interval", dataset.interval)]
            params += [("startTime", str(at)), ("endTime", str(until - 1)), ("limit", str(limit))]
            payload = await self._get(_ENDPOINTS[dataset.kind], params, klines_weight(limit))
            found += _candles(payload, dataset, symbol, (at, until))
        return pa.Table.from_pylist(found, schema=dataset.schema)

    async def fundings(self, dataset: Dataset, symbol: str, span: Span, hours: float | None) -> pa.Table:
        """Fundings within a span; times are rounded to the minute, as the venue means them."""
        found: dict[int, dict[str, Any]] = {}
        at = span[0]
        while at < span[1]:
            await self._funding_turn()
            params = [("symbol", symbol), ("startTime", str(at)), ("endTime", str(span[1] - 1)), ("limit", str(FUNDING_PAGE))]
            page = [_funding(item, symbol) for item in rows(await self._get("fundingRate", params, 1), "fundingRate")]
            for item in page:
                found[item["funding_time"]] = item
            newest = max((item["funding_time"] for item in page), default=0)
            if len(page) < FUNDING_PAGE or newest <= at:
                break
            at = newest + _MINUTE_MS
        times = sorted(found)
        steps = [after - before for before, after in pairwise(times)]
        usual = hours if hours is not None else (min(steps) / 3_600_000 if steps else 8.0)
        ordered = [{**found[time], "interval_hours": usual} for time in times]
        return pa.Table.from_pylist(ordered, schema=dataset.schema)

    async def _funding_turn(self) -> None:
        """Wait for room in the budget of fundings."""
        clock = asyncio.get_running_loop().time
        while self._fundings and self._fundings[0] <= clock() - _FUNDING_S:
            self._fundings.popleft()
        if len(self._fundings) >= _FUNDING_MOST:
            await asyncio.sleep(self._fundings[0] + _FUNDING_S - clock())
        self._fundings.append(clock())


def _candles(payload: Any, dataset: Dataset, symbol: str, span: Span) -> list[dict[str, Any]]:
    """Rows of `[open_ms, "open", "high", "low", "close", "volume", close_ms, "quote", trades, "taker base", "taker quote", ...]`."""
    what = f"{dataset.stem} {symbol}"
    length, found, last = interval_ms(dataset.interval), [], span[0] - 1
    for item in array(payload, what):
        values = array(item, what)
        try:
            opened, numbers = int(values[0]), [float(value) for value in values[1:11]]
        except (TypeError, ValueError) as error:
            raise ContractViolation(f"{what}: row {str(item)[:120]}: {error}") from None
        if len(numbers) < 10 or not all(map(math.isfinite, numbers)):
            raise ContractViolation(f"{what}: expected rows of at least 11 numbers, got {str(item)[:120]}")
        if opened % length and dataset.interval != "1w":
            raise ContractViolation(f"{what}: a candle opens at {opened}, which is not on the grid of {dataset.interval}")
        if not last < opened < span[1]:
            raise ContractViolation(f"{what}: a candle of {opened} in an answer about {span[0]} to {span[1]}, or rows not in order")
        last = opened
        found.append(_row(symbol, opened, numbers, dataset))
    return found


def _row(symbol: str, opened: int, numbers: list[float], dataset: Dataset) -> dict[str, Any]:
    prices = dict(zip(("open", "high", "low", "close"), numbers[:4], strict=True))
    if dataset.kind != "klines":
        return {"symbol": symbol, "open_time": opened, **prices}
    return {
        "symbol": symbol,
        "open_time": opened,
        **prices,
        "volume": numbers[4],
        "close_time": opened + interval_ms(dataset.interval) - 1,
        "quote_volume": numbers[6],
        "trades": int(numbers[7]),
        "taker_buy_base": numbers[8],
        "taker_buy_quote": numbers[9],
        "src": "recorded",
    }


def _funding(item: Any, symbol: str) -> dict[str, Any]:
    """`{"symbol": "ABCUSDT", "fundingTime": 1700000000002, "fundingRate": "0.0001", "markPrice": "1.5"}`; old rows have no mark."""
    try:
        mark = item.get("markPrice")
        return {
            "symbol": symbol,
            "funding_time": round(int(item["fundingTime"]) / _MINUTE_MS) * _MINUTE_MS,
            "funding_rate": float(item["fundingRate"]),
            "mark_price": float(mark) if mark else None,
            "src": "recorded",
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ContractViolation(f"fundingRate {symbol}: row {str(item)[:120]}: {error!r}") from None
