"""Where the stop and the target of a position stand."""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import Direction, OrderRequest, OrderType, WorkingType, client_id
from shared.domain.units import Price, Qty, Usd


@dataclass(frozen=True, slots=True)
class BracketPrices:
    """Trigger prices on the tick."""

    stop: Price
    target: Price


def bracket_prices(
    instrument: Instrument, direction: Direction, entry: Price, stop_distance: Decimal, target_distance: Decimal
) -> BracketPrices:
    """Stop and target around the average fill, both rounded toward the entry, so that a loss never exceeds the plan.

    Raises:
        ValueError: a distance is not positive, as large as the price, or smaller than the tick can show.
    """
    if stop_distance <= 0 or target_distance <= 0:
        raise ValueError(f"expected positive distances, got stop {stop_distance} and target {target_distance}")
    long = direction is Direction.LONG
    sign = direction.sign
    stop = instrument.price(entry - sign * stop_distance, Rounding.UP if long else Rounding.DOWN)
    target = instrument.price(entry + sign * target_distance, Rounding.DOWN if long else Rounding.UP)
    if (entry - stop) * sign <= 0 or (target - entry) * sign <= 0:
        raise ValueError(f"distances {stop_distance} and {target_distance} vanish at a tick of {instrument.tick} around {entry}")
    return BracketPrices(stop, target)


def initial_risk(entry: Price, stop: Price, quantity: Qty) -> Usd:
    """Money lost when the stop is hit at its price, before costs: one R."""
    return Usd(abs(entry - stop) * quantity)


def stop_request(symbol: str, direction: Direction, trigger: Price, position_id: str, revision: int) -> OrderRequest:
    """A stop for the whole position, on the mark price."""
    return _closing(symbol, direction, OrderType.STOP_MARKET, trigger, client_id(position_id, "s", revision))


def bridge_request(symbol: str, direction: Direction, trigger: Price, quantity: Qty, name: str) -> OrderRequest:
    """A reduce-only stop of a quantity: holds while the closing stop is replaced, of which a venue takes only one of a side."""
    return OrderRequest(
        symbol=symbol,
        side=direction.exit_side,
        type=OrderType.STOP_MARKET,
        client_id=name,
        quantity=quantity,
        trigger_price=trigger,
        reduce_only=True,
        working_type=WorkingType.MARK_PRICE,
    )


def target_request(symbol: str, direction: Direction, trigger: Price, position_id: str, revision: int) -> OrderRequest:
    """A take-profit for the whole position, on the mark price."""
    return _closing(symbol, direction, OrderType.TAKE_PROFIT_MARKET, trigger, client_id(position_id, "t", revision))


def exit_request(symbol: str, direction: Direction, quantity: Qty, position_id: str, revision: int) -> OrderRequest:
    """A market order that closes the position now and cannot open another."""
    return OrderRequest(
        symbol=symbol,
        side=direction.exit_side,
        type=OrderType.MARKET,
        client_id=client_id(position_id, "x", revision),
        quantity=quantity,
        reduce_only=True,
    )


def _closing(symbol: str, direction: Direction, kind: OrderType, trigger: Price, name: str) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=direction.exit_side,
        type=kind,
        client_id=name,
        trigger_price=trigger,
        close_position=True,
        working_type=WorkingType.MARK_PRICE,
    )
