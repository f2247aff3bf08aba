"""The rules of decisions, made from settings."""

from services.scanner.logic.decide import Rules
from services.scanner.logic.edge import EdgeTerms
from services.scanner.logic.filters import Hygiene
from services.scanner.logic.frame import Frame
from services.scanner.logic.setups import RuleBook
from shared.config.choices import CalibrationMode, TrendBias
from shared.config.sections.exits import Exits
from shared.config.sections.filters import Filters
from shared.config.sections.strategy import Strategy


def rule_book(strategy: Strategy, *, ai: bool = False) -> RuleBook:
    """What fires. `ai`: offers without a rule, which only a language model may judge, are made as well."""
    return RuleBook(
        rsi_buy_min=strategy.rsi_buy_min,
        rsi_sell_max=strategy.rsi_sell_max,
        align=strategy.allow_trend_align,
        against=strategy.trend_bias is TrendBias.AGAINST,
        trend_scan=ai,
    )


def hygiene(filters: Filters, strategy: Strategy, frame: Frame, max_age_ms: float) -> Hygiene:
    """What stops it."""
    return Hygiene(
        needed_bars=frame.needed_bars,
        max_age_ms=max_age_ms,
        min_quote_volume=filters.min_quote_volume_usdt,
        spread_max=filters.spread_max_ratio,
        wickiness_max=filters.wickiness_max,
        funding_enabled=filters.funding_enabled,
        funding_max_long=filters.funding_max_long,
        funding_max_short=filters.funding_max_short,
        non_arb_enabled=filters.non_arb_enabled,
        non_arb_clamp=filters.non_arb_clamp,
        non_arb_threshold=filters.non_arb_edge_threshold,
        non_arb_gap=filters.non_arb_skip_gap,
        min_edge_r=strategy.min_edge_r,
    )


def edge_terms(strategy: Strategy, exits: Exits, frame: Frame, *, taker_ratio: float, paper: bool) -> EdgeTerms:
    """What it is worth. `auto` calibration enforces when trading live and advises on paper."""
    mode = strategy.calibration_mode
    enforce = mode is CalibrationMode.ENFORCE or (mode is CalibrationMode.AUTO and not paper)
    return EdgeTerms(
        stop_atr=float(exits.sl_atr_mult),
        target_atr=float(exits.tp_atr_mult),
        taker_ratio=taker_ratio,
        min_edge_r=strategy.min_edge_r,
        interval_ms=frame.length_ms,
        enforce=enforce,
    )


def rules_of(
    sections: tuple[Strategy, Filters, Exits], frame: Frame, *, max_age_ms: float, taker_ratio: float, paper: bool, ai: bool = False
) -> Rules:
    """All of it."""
    strategy, filters, exits = sections
    return Rules(
        book=rule_book(strategy, ai=ai),
        hygiene=hygiene(filters, strategy, frame, max_age_ms),
        terms=edge_terms(strategy, exits, frame, taker_ratio=taker_ratio, paper=paper),
    )
