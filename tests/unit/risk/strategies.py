"""Situations for sizing, as wide as a venue's."""

from decimal import Decimal

from hypothesis import strategies as st

from shared.domain.instrument import Instrument
from shared.domain.units import Price, Qty, Ratio, Usd
from shared.risk.sizing import SizingInput, SizingLimits


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    step = Decimal(1).scaleb(-draw(st.integers(0, 5)))
    tick = Decimal(1).scaleb(-draw(st.integers(0, 7)))
    largest = step * draw(st.integers(10_000, 10**8))
    return Instrument(
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        status="TRADING",
        tick=tick,
        step=step,
        min_price=Price(tick),
        max_price=Price(Decimal(10**9)),
        min_qty=Qty(step * draw(st.integers(1, 5))),
        max_qty=Qty(largest),
        market_step=step,
        market_min_qty=Qty(step * draw(st.integers(1, 5))),
        market_max_qty=Qty(step * draw(st.integers(5000, 10**8))),
        min_notional=draw(st.sampled_from([Decimal(0), Decimal(5), Decimal(100)])),
        percent_up=Decimal("1.05"),
        percent_down=Decimal("0.95"),
    )


limits = st.builds(
    SizingLimits,
    risk_per_trade=decimals("0.0005", "0.05", 4).map(Ratio),
    equity_fraction=decimals("0.05", "1", 2).map(Ratio),
    max_open_risk=decimals("0.005", "0.3", 3).map(Ratio),
    max_notional_usdt=st.one_of(st.just(Decimal(0)), decimals("5", "50000", 2)).map(Usd),
    multiplier_floor=decimals("0", "1", 2),
    multiplier_cap=decimals("1", "3", 2),
)

factors = st.dictionaries(st.sampled_from(["bucket", "confidence", "playbook", "sentinel"]), decimals("0", "3", 2), max_size=4)


@st.composite
def situations(draw: st.DrawFn) -> SizingInput:
    price = draw(decimals("0.0001", "100000", 4))
    return SizingInput(
        instrument=draw(instruments()),
        equity=Usd(draw(decimals("1", "1000000", 2))),
        price=Price(price),
        stop_distance=price * draw(decimals("0.0005", "0.3", 4)),
        leverage=draw(st.integers(1, 125)),
        used_margin=Usd(draw(decimals("0", "100000", 2))),
        open_risk=Usd(draw(decimals("0", "20000", 2))),
        maintenance_ratio=Ratio(draw(decimals("0.004", "0.05", 3))),
        raising=draw(factors),
        reducing=draw(factors),
    )
