"""The FastTP rule once more, written plainly and slowly on its own, to check the real one against."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction


def slow_stop(
    *,
    long: bool,
    entry: Decimal,
    planned: Decimal,
    stop: Decimal,
    target: Decimal,
    path: list[tuple[int, Decimal]],
    last_move_ms: int | None,
    atr: Decimal,
    tick: Decimal,
    settings: dict[str, Decimal],
) -> Decimal | None:
    """The new stop at the last point of a price path, or None."""
    now, mark = path[-1]
    win = Fraction(mark - entry) if long else Fraction(entry - mark)
    one_r = Fraction(entry - planned) if long else Fraction(planned - entry)
    alive = stop < mark < target if long else target < mark < stop
    if not alive or one_r <= 0 or win / one_r < Fraction(settings["min_r"]):
        return None
    if last_move_ms is not None and (now - last_move_ms) / 1000 < settings["cooldown_s"]:
        return None
    turned = False
    for seconds, limit in ((60, settings["ret1"]), (180, settings["ret3"])):
        old = [price for ms, price in path if now - 2 * seconds * 1000 <= ms <= now - seconds * 1000]
        if not old:
            continue
        change = Fraction(mark) / Fraction(old[-1]) - 1
        turned = turned or (change if long else -change) <= Fraction(limit)
    if not turned:
        return None
    costs = entry * settings["fee"] * 2
    behind = settings["snap_atr"] * atr
    wanted = max(mark - behind, entry + costs) if long else min(mark + behind, entry - costs)
    mode = ROUND_CEILING if long else ROUND_FLOOR
    new = (wanted / tick).to_integral_value(rounding=mode) * tick
    better = stop < new < mark if long else mark < new < stop
    return new if better else None
