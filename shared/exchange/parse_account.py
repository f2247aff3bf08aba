"""REST answers about the account to values."""

from typing import Any

from shared.domain.errors import ContractViolation, Permanent
from shared.domain.order import PositionSide
from shared.domain.position import AccountView, VenuePosition
from shared.domain.units import Price, Ratio, Usd
from shared.exchange.fields import Row, decimal, flag, member, positive_or_none, row, rows, text, text_or, whole, whole_or
from shared.exchange.parse_market import one_or_many
from shared.exchange.records import Commission, Income, LeverageBracket, MarginType, SymbolSettings


def parse_positions(payload: Any) -> list[VenuePosition]:
    """Positions that are not zero, from either shape of positionRisk.

    `[{"symbol": "ABCUSDT", "positionSide": "BOTH", "positionAmt": "-3", "entryPrice": "1.5", "markPrice": "1.4",
    "unRealizedProfit": "0.3", "liquidationPrice": "0", "isolatedWallet": "0", "updateTime": 1700000000000}]`. The full shape
    adds leverage and marginType; without them the leverage is None and the isolated wallet tells the margin type.
    """
    what = "positionRisk"
    return [_position(item, what) for item in rows(payload, what) if decimal(item, "positionAmt", what)]


def _position(item: Row, what: str) -> VenuePosition:
    """One row."""
    liquidation = positive_or_none(item, "liquidationPrice", what)
    return VenuePosition(
        symbol=text(item, "symbol", what),
        amount=decimal(item, "positionAmt", what),
        entry_price=Price(decimal(item, "entryPrice", what)),
        mark_price=Price(decimal(item, "markPrice", what)),
        unrealised=Usd(decimal(item, "unRealizedProfit", what)),
        liquidation_price=None if liquidation is None else Price(liquidation),
        leverage=whole(item, "leverage", what) if item.get("leverage") is not None else None,
        isolated=_isolated(item, what),
        position_side=member(PositionSide, item, "positionSide", what),
        update_ms=whole_or(item, "updateTime", 0, what),
    )


def _isolated(item: Row, what: str) -> bool | None:
    """Margin type by name, else by the money set aside for the position."""
    if item.get("marginType"):
        return margin_type(item, what) is MarginType.ISOLATED
    if "isolatedWallet" in item:
        return decimal(item, "isolatedWallet", what) != 0
    return None


def margin_type(item: Row, what: str) -> MarginType:
    """`CROSSED`, `ISOLATED`, or the lower-case words of positionRisk, `cross` and `isolated`."""
    word = text(item, "marginType", what).upper()
    if word == "CROSS":
        return MarginType.CROSSED
    if word not in set(MarginType):
        raise ContractViolation(f"{what}: field 'marginType' is {word!r}, expected cross or isolated")
    return MarginType(word)


def parse_account(payload: Any, asset: str, now_ms: int) -> AccountView:
    """The row of one asset in `{"assets": [{"asset": "USDT", "walletBalance": "100", "unrealizedProfit": "0", ...}], ...}`.

    Raises:
        Permanent: the account has no such asset (code `no_quote_asset`).
    """
    what = "account"
    for item in rows(row(payload, what).get("assets"), what):
        if item.get("asset") == asset:
            return AccountView(
                wallet=Usd(decimal(item, "walletBalance", what)),
                unrealised=Usd(decimal(item, "unrealizedProfit", what)),
                available=Usd(decimal(item, "availableBalance", what)),
                initial_margin=Usd(decimal(item, "initialMargin", what)),
                maintenance_margin=Usd(decimal(item, "maintMargin", what)),
                update_ms=whole_or(item, "updateTime", 0, what) or now_ms,
            )
    raise Permanent(f"the account at the venue lists no {asset}: deposit some or set another quote asset", code="no_quote_asset")


def parse_income(payload: Any) -> list[Income]:
    """`[{"symbol": "ABCUSDT", "incomeType": "FUNDING_FEE", "income": "-0.01", "asset": "USDT", "time": ..., "tranId": 5}]`."""
    what = "income"
    return [
        Income(
            symbol=text_or(item, "symbol", ""),
            kind=text(item, "incomeType", what),
            amount=Usd(decimal(item, "income", what)),
            asset=text(item, "asset", what),
            time_ms=whole(item, "time", what),
            transaction_id=text_or(item, "tranId", ""),
            trade_id=text_or(item, "tradeId", ""),
            info=text_or(item, "info", ""),
        )
        for item in rows(payload, what)
    ]


def parse_brackets(payload: Any) -> dict[str, list[LeverageBracket]]:
    """Margin tables, smallest notional first; a bare object when one symbol was asked for.

    `[{"symbol": "ABCUSDT", "brackets": [{"initialLeverage": 75, "notionalCap": 10000, "notionalFloor": 0,
    "maintMarginRatio": 0.0065, "cum": 0}]}]`. These are the only numbers of the venue that are not texts.
    """
    what = "leverageBracket"
    return {
        text(item, "symbol", what): [
            LeverageBracket(
                leverage=whole(step, "initialLeverage", what),
                floor=decimal(step, "notionalFloor", what),
                cap=decimal(step, "notionalCap", what),
                maintenance_ratio=Ratio(decimal(step, "maintMarginRatio", what)),
                cum=decimal(step, "cum", what),
            )
            for step in sorted(rows(item.get("brackets"), what), key=lambda step: decimal(step, "notionalFloor", what))
        ]
        for item in one_or_many(payload, what)
    }


def parse_symbol_settings(payload: Any, symbol: str) -> SymbolSettings:
    """The row of a symbol in symbolConfig, or in the full shape of positionRisk.

    `[{"symbol": "ABCUSDT", "marginType": "CROSSED", "leverage": 20}]`. In hedge mode both rows of a symbol agree.
    """
    what = f"settings of {symbol}"
    for item in one_or_many(payload, what):
        if item.get("symbol") == symbol:
            return SymbolSettings(whole(item, "leverage", what), margin_type(item, what))
    raise ContractViolation(f"{what}: the answer has no row of this symbol")


def parse_commission(payload: Any) -> Commission:
    """`{"symbol": "ABCUSDT", "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0005"}`."""
    what = "commissionRate"
    rates = row(payload, what)
    return Commission(Ratio(decimal(rates, "makerCommissionRate", what)), Ratio(decimal(rates, "takerCommissionRate", what)))


def parse_position_mode(payload: Any) -> bool:
    """`{"dualSidePosition": true}`: True in hedge mode."""
    return flag(row(payload, "positionSide/dual"), "dualSidePosition", "positionSide/dual")


def parse_listen_key(payload: Any) -> str:
    """`{"listenKey": "..."}`."""
    return text(row(payload, "listenKey"), "listenKey", "listenKey")


def parse_leverage(payload: Any) -> int:
    """`{"leverage": 21, "maxNotionalValue": "1000000", "symbol": "ABCUSDT"}`."""
    return whole(row(payload, "leverage"), "leverage", "leverage")
