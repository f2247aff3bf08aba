"""Which contracts are scanned, and by whom."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.logic.frame import Frame
from services.scanner.logic.rules import edge_terms, hygiene, rule_book, rules_of
from services.scanner.logic.sharding import owned, owner
from services.scanner.logic.universe import select, unknown
from shared.config.choices import CalibrationMode, TrendBias
from shared.config.sections.exits import Exits
from shared.config.sections.filters import Filters
from shared.config.sections.strategy import Strategy
from shared.config.sections.universe import Universe
from shared.domain.instrument import Instrument
from shared.domain.units import Price, Qty


def instrument(symbol: str, *, quote: str = "USDT", status: str = "TRADING") -> Instrument:
    one = Decimal(1)
    return Instrument(
        symbol=symbol,
        base=symbol.removesuffix(quote),
        quote=quote,
        status=status,
        tick=one,
        step=one,
        min_price=Price(one),
        max_price=Price(one),
        min_qty=Qty(one),
        max_qty=Qty(one),
        market_step=one,
        market_min_qty=Qty(one),
        market_max_qty=Qty(one),
        min_notional=one,
        percent_up=one,
        percent_down=one,
    )


LISTED = {
    i.symbol: i
    for i in (
        instrument("BUSDT"),
        instrument("AUSDT"),
        instrument("CUSDT"),
        instrument("DUSDC", quote="USDC"),
        instrument("EUSDT", status="SETTLING"),
    )
}
VOLUMES = {"AUSDT": 1.0, "BUSDT": 5.0, "CUSDT": 3.0}


def chosen(**wanted: object) -> tuple[str, ...]:
    return select(LISTED, VOLUMES, Universe.model_validate(wanted), "USDT")


def test_everything_of_the_quote_asset_that_trades() -> None:
    assert chosen() == ("AUSDT", "BUSDT", "CUSDT")


def test_included_excluded_and_capped() -> None:
    assert chosen(include_symbols="ausdt,EUSDT") == ("AUSDT",)
    assert chosen(exclude_symbols="BUSDT") == ("AUSDT", "CUSDT")
    assert chosen(include_symbols="AUSDT", exclude_symbols="AUSDT") == ()
    assert chosen(max_symbols=2) == ("BUSDT", "CUSDT")
    assert select(LISTED, {"AUSDT": 1.0}, Universe(max_symbols=2), "USDT") == ("AUSDT", "BUSDT")


def test_included_symbols_that_do_not_exist() -> None:
    assert unknown(LISTED, Universe.model_validate({"include_symbols": "AUSDT,TYPOUSDT"})) == ("TYPOUSDT",)


NAMES = st.lists(st.text("abcdef0123456789", min_size=1, max_size=8), min_size=1, max_size=6, unique=True)


@given(members=NAMES, symbols=NAMES)
def test_each_symbol_has_one_owner_whatever_the_order(members: list[str], symbols: list[str]) -> None:
    shares = [owned(symbols, member, members) for member in members]
    assert sorted(s for share in shares for s in share) == sorted(symbols)
    assert [owner(s, members) for s in symbols] == [owner(s, members[::-1]) for s in symbols]


@given(members=NAMES, joiner=st.text("ghij", min_size=1), symbols=NAMES)
def test_a_joining_member_only_takes_and_a_leaving_one_only_gives(members: list[str], joiner: str, symbols: list[str]) -> None:
    for symbol in symbols:
        before, after = owner(symbol, members), owner(symbol, [*members, joiner])
        assert after in {before, joiner}


def test_shares_are_about_equal() -> None:
    symbols = [f"COIN{i}USDT" for i in range(600)]
    shares = [len(owned(symbols, member, ["a", "b", "c"])) for member in ("a", "b", "c")]
    assert min(shares) > 150


def test_nobody_owns_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        owner("AUSDT", [])


FRAME = Frame.of("5m", "30m")


def test_rules_follow_the_settings() -> None:
    strategy = Strategy.model_validate({"rsi_buy_min": "53", "allow_trend_align": True, "trend_bias": "against"})
    book = rule_book(strategy)
    assert (book.rsi_buy_min, book.align, book.against, book.trend_scan) == (53.0, True, True, False)
    assert strategy.trend_bias is TrendBias.AGAINST
    limits = hygiene(Filters(), Strategy(), FRAME, 300_000.0)
    assert (limits.spread_max, limits.wickiness_max, limits.min_edge_r, limits.needed_bars) == (0.003, 0.97, 0.04, 360)
    whole = rules_of((Strategy(), Filters(), Exits()), FRAME, max_age_ms=1.0, taker_ratio=0.0004, paper=True)
    assert whole.terms.payoff == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("mode", "paper", "enforce"),
    [
        (CalibrationMode.AUTO, True, False),
        (CalibrationMode.AUTO, False, True),
        (CalibrationMode.ENFORCE, True, True),
        (CalibrationMode.ADVISE, False, False),
    ],
)
def test_auto_calibration_enforces_only_with_real_money(mode: CalibrationMode, *, paper: bool, enforce: bool) -> None:
    strategy = Strategy(calibration_mode=mode)
    assert edge_terms(strategy, Exits(), FRAME, taker_ratio=0.0004, paper=paper).enforce is enforce
