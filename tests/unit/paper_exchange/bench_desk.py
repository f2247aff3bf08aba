"""A desk with one contract and a hand on its price."""

from decimal import Decimal
from typing import Any

from services.paper_exchange.logic.brackets import DEFAULT
from services.paper_exchange.logic.cancelling import cancel
from services.paper_exchange.logic.desk import Desk, Fees, Market
from services.paper_exchange.logic.entities import Account, Order
from services.paper_exchange.logic.ledger import book_income
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.placing import place, place_algo
from services.paper_exchange.logic.quote import Quote
from services.paper_exchange.logic.rules import Observed, derive_row, read_rules
from services.paper_exchange.logic.spec import Dialect, read_spec
from services.paper_exchange.logic.triggers import Move, on_move

D = Decimal
SYMBOL = "ABCUSDT"


class Bench:
    """Places orders by request parameters and moves the price: tick 0.1, step 0.001, spread 0.2, 1,000 units a level."""

    def __init__(self, price: str = "100", dialect: Dialect = Dialect.BINANCE, balance: str = "10000", depth: str = "1000") -> None:
        self.price = D(price)
        self.mark: Decimal | None = None
        self.depth = D(depth)
        rules = read_rules(derive_row(Observed(symbol=SYMBOL, price_places=1, qty_places=3, price=100.0, onboard_ms=0)))
        market = Market(rules={SYMBOL: rules}, ladders={SYMBOL: DEFAULT}, quotes=self.quote)
        self.desk = Desk(market, Fees(), dialect)
        self.desk.time_ms = 1_000_000
        self.account = Account(key="k", secret="s", alias="a")
        self.desk.accounts["k"] = self.account
        book_income(self.desk, self.account, "", ("TRANSFER", D(balance)))

    def quote(self, symbol: str) -> Quote | None:
        if symbol != SYMBOL:
            return None
        return Quote(
            symbol=symbol,
            last=self.price,
            mark=self.price if self.mark is None else self.mark,
            bid=self.price - D("0.1"),
            ask=self.price + D("0.1"),
            bid_qty=self.depth,
            ask_qty=self.depth,
            tick=D("0.1"),
            step=D("0.001"),
        )

    def _params(self, kind: str, side: str, words: dict[str, Any]) -> Params:
        return Params({"symbol": SYMBOL, "side": side, "type": kind, **{name: str(value) for name, value in words.items()}})

    def order(self, kind: str, side: str, **words: Any) -> Order:
        params = self._params(kind, side, {"timeInForce": "GTC", **words} if kind == "LIMIT" else words)
        return place(self.desk, self.account, read_spec(params, self.desk.dialect))

    def algo(self, kind: str, side: str, **words: Any) -> Order:
        params = self._params(kind, side, {"algoType": "CONDITIONAL", **words})
        return place_algo(self.desk, self.account, read_spec(params, self.desk.dialect, algo=True))

    def cancel(self, order: Order) -> None:
        cancel(self.desk, self.account, order)

    def move(self, price: str, *, jump: bool = False, traded: str = "0") -> None:
        start, self.price = self.price, D(price)
        self.desk.time_ms += 1000
        quote = self.quote(SYMBOL)
        assert quote is not None
        on_move(self.desk, Move(start, quote, jump, D(traded)))

    @property
    def amount(self) -> Decimal:
        return sum((position.amount for position in self.account.positions.values()), D(0))

    @property
    def entry(self) -> Decimal:
        return next(position.entry for position in self.account.held())

    def events(self) -> list[tuple[str, str]]:
        """(event, execution or status) of what was told since the last call."""
        shown = []
        for _, event in self.desk.take_events():
            body = event.get("o", {})
            shown.append((event["e"], body.get("x", "") + "/" + body.get("X", "") if "x" in body else body.get("X", "")))
        return shown
