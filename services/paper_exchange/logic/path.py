"""The way a price takes through its candle.

A candle says open, high, low and close, not in which order. The path taken here is the usual one of candle testers: from the
open to the nearer extreme, from there to the other one, and then to the close, each third of the time in a straight line.
It is sampled at `points` moments, 3 n + 1 of them, so that both extremes are among them; samples are rounded to the tick
and stay inside the candle. Volume accrues evenly.
"""

import numpy as np

from services.paper_exchange.logic.candles import Floats


def walk_path(candle: tuple[Floats, Floats, Floats, Floats], ticks: Floats, points: int) -> Floats:
    """Prices of shape (points, symbols) for one candle of every symbol; NaN where a symbol has no candle.

    Args:
        candle: open, high, low, close, each of shape (symbols,).
        ticks: price step per symbol.
        points: 3 n + 1 samples; the first is the open, the last the close.
    """
    opened, high, low, close = candle
    up_first = (high - opened) <= (opened - low)
    first, second = np.where(up_first, high, low), np.where(up_first, low, high)
    corners = np.stack((opened, first, second, close))
    place = np.linspace(0.0, 3.0, points)
    left = np.minimum(place.astype(np.int64), 2)
    share = (place - left)[:, None]
    raw = corners[left] * (1.0 - share) + corners[left + 1] * share
    snapped = np.rint(raw / ticks) * ticks
    on_corner = (share == 0.0) | (share == 1.0)
    path: Floats = np.where(on_corner, raw, np.clip(snapped, low, high))
    return path


def share_done(point: int, points: int) -> float:
    """Share of the candle's volume that has traded once a point was reached; 1.0 at the last."""
    return (point + 1) / points
