"""A market that never was: seeded candles with regimes, jumps and correlation.

Every minute each contract's log return is beta * market + own, both normal. Their size follows a regime that the whole
market is in: calm (0.4 times the usual volatility), usual (1), trending (1, with a drift of 8 % of the volatility per
minute, up or down), wild (2.5). A regime lasts 90 minutes on average. Once in about 2,000 minutes a contract jumps by up to
eight volatilities. Prices are pulled back to their starting level by 0.02 % of the distance per minute, so that a market that
runs for weeks stays sane. Highs and lows reach beyond open and close by half-normal amounts; each candle opens at the last
close. Volume is lognormal and grows with the size of the move.

Block n of 60 candles uses a generator seeded with (seed, n), so the same seed gives the same market however it is asked for.
"""

from dataclasses import dataclass

import numpy as np

from services.paper_exchange.logic.candles import Floats, Grid

BLOCK = 60
MINUTE_MS = 60_000
_REGIMES = ((0.4, 0.0), (1.0, 0.0), (1.0, 0.08), (1.0, -0.08), (2.5, 0.0))
_STAY = 1 - 1 / 90


@dataclass(frozen=True, slots=True)
class Coin:
    """One synthetic contract: where it starts, its decimals, its volatility per minute, its volume per day."""

    symbol: str
    price: float
    price_places: int
    qty_places: int
    volatility: float
    beta: float
    turnover: float


def _coin(symbol: str, price: float, places: tuple[int, int], shape: tuple[float, float, float]) -> Coin:
    return Coin(symbol, price, places[0], places[1], shape[0] / 1e4, shape[1], shape[2] * 1e6)


COINS: tuple[Coin, ...] = (
    _coin("BTCUSDT", 84_000.0, (1, 3), (3.5, 1.0, 12_000)),
    _coin("ETHUSDT", 2_900.0, (2, 3), (4.5, 1.1, 9_000)),
    _coin("SOLUSDT", 131.0, (2, 2), (6.0, 1.2, 3_500)),
    _coin("XRPUSDT", 2.05, (4, 1), (5.5, 0.9, 1_800)),
    _coin("BNBUSDT", 845.0, (2, 2), (4.0, 0.8, 900)),
    _coin("DOGEUSDT", 0.1460, (5, 0), (7.0, 1.2, 1_100)),
    _coin("ADAUSDT", 0.4120, (4, 0), (6.0, 1.1, 420)),
    _coin("LINKUSDT", 12.85, (3, 2), (6.0, 1.1, 330)),
    _coin("AVAXUSDT", 13.40, (3, 0), (6.5, 1.2, 260)),
    _coin("SUIUSDT", 1.520, (4, 1), (7.5, 1.3, 480)),
    _coin("LTCUSDT", 82.00, (2, 3), (5.0, 0.9, 240)),
    _coin("DOTUSDT", 2.310, (3, 1), (6.0, 1.1, 120)),
    _coin("NEARUSDT", 1.880, (3, 0), (7.0, 1.2, 150)),
    _coin("APTUSDT", 2.450, (4, 1), (7.0, 1.2, 95)),
    _coin("ARBUSDT", 0.2130, (4, 1), (7.0, 1.2, 85)),
    _coin("AAVEUSDT", 176.0, (2, 1), (6.5, 1.2, 130)),
    _coin("FILUSDT", 1.610, (3, 1), (7.5, 1.1, 70)),
    _coin("INJUSDT", 5.720, (3, 1), (7.5, 1.2, 48)),
    _coin("WLDUSDT", 0.6080, (4, 0), (8.0, 1.3, 62)),
    _coin("TIAUSDT", 0.6330, (4, 0), (8.5, 1.3, 36)),
)


class SyntheticMarket:
    """Produces consecutive blocks of candles for some of the coins."""

    def __init__(self, seed: int, coins: tuple[Coin, ...], start_ms: int) -> None:
        self.seed = seed
        self.coins = coins
        self._rows = np.array([COINS.index(coin) for coin in coins])
        self._base: Floats = np.log(np.array([coin.price for coin in COINS]))
        self._log: Floats = self._base.copy()
        self._regime = 1
        self._block = 0
        self._next_ms = start_ms

    def block(self) -> Grid:
        """The next 60 candles of one minute."""
        rng = np.random.default_rng((self.seed, self._block))
        size = len(COINS)
        volatility = np.array([coin.volatility for coin in COINS])
        beta = np.array([coin.beta for coin in COINS])
        market, own = rng.standard_normal(BLOCK), rng.standard_normal((BLOCK, size))
        changes, picks = rng.random(BLOCK), rng.integers(0, len(_REGIMES), BLOCK)
        jumps = np.where(rng.random((BLOCK, size)) < 1 / 2000, rng.uniform(-8.0, 8.0, (BLOCK, size)), 0.0)
        tails = np.abs(rng.standard_normal((2, BLOCK, size)))
        weight = rng.lognormal(0.0, 0.6, (BLOCK, size))
        closes = np.empty((BLOCK, size))
        opens = np.empty((BLOCK, size))
        for minute in range(BLOCK):
            if changes[minute] > _STAY:
                self._regime = int(picks[minute])
            scale, drift = _REGIMES[self._regime]
            moved = scale * (0.65 * beta * market[minute] + 0.75 * own[minute] + jumps[minute]) + drift
            opens[minute] = self._log
            self._log = self._log + volatility * moved - 0.0002 * (self._log - self._base)
            closes[minute] = self._log
        reach = tails * volatility * 0.5
        grid = self._grid((opens, closes, reach), weight)
        self._block += 1
        self._next_ms += BLOCK * MINUTE_MS
        return grid

    def _grid(self, logs: tuple[Floats, Floats, Floats], weight: Floats) -> Grid:
        opens, closes, reach = logs
        places = np.array([10.0**coin.price_places for coin in COINS])
        raw = (opens, np.maximum(opens, closes) + reach[0], np.minimum(opens, closes) - reach[1], closes)
        prices = [(np.rint(np.exp(part) * places) / places)[:, self._rows].T.copy() for part in raw]
        per_minute = np.array([coin.turnover for coin in COINS]) / 1440
        quote = (per_minute * weight * (0.6 + 400.0 * np.abs(closes - opens)))[:, self._rows].T
        steps = np.array([10.0**coin.qty_places for coin in self.coins])[:, None]
        volume = np.maximum(np.rint(quote / prices[3] * steps), 1.0) / steps
        quote = volume * (prices[0] + prices[3]) / 2
        return Grid(
            symbols=tuple(coin.symbol for coin in self.coins),
            interval="1m",
            interval_ms=MINUTE_MS,
            start_ms=self._next_ms,
            open=prices[0],
            high=prices[1],
            low=prices[2],
            close=prices[3],
            volume=volume,
            quote=quote,
            trades=(1 + quote // 900).astype(np.int32),
        )
