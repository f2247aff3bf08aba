"""The venue's trading state: accounts, working orders, counters, and what changed since the last commit."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.paper_exchange.logic import brackets
from services.paper_exchange.logic.entities import Account, Income, Order, Trade
from services.paper_exchange.logic.money import ZERO
from services.paper_exchange.logic.quote import Quote
from services.paper_exchange.logic.reject import reject
from services.paper_exchange.logic.rules import SymbolRules
from services.paper_exchange.logic.spec import Dialect

UserEvent = dict[str, Any]

_BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Fees:
    """Commission as a share of the notional."""

    maker: Decimal = Decimal("0.0002")
    taker: Decimal = Decimal("0.0005")


@dataclass(slots=True)
class Changes:
    """What must be written before the next answer goes out."""

    orders: dict[tuple[bool, int], Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.orders or self.trades or self.incomes or self.accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What the desk knows about contracts."""

    rules: Mapping[str, SymbolRules]
    ladders: Mapping[str, brackets.Ladder]
    quotes: Callable[[str], Quote | None]

    def rule(self, symbol: str) -> SymbolRules:
        """Rules of a listed symbol (-1121)."""
        found = self.rules.get(symbol)
        if found is None:
            raise reject(-1121)
        return found

    def ladder(self, symbol: str) -> brackets.Ladder:
        """Leverage brackets of a symbol."""
        return self.ladders.get(symbol, brackets.DEFAULT)

    def quote(self, symbol: str) -> Quote:
        """The quote of a symbol that has traded (-4141 otherwise)."""
        found = self.quotes(symbol)
        if found is None:
            raise reject(-4141)
        return found


class Desk:
    """Mutable trading state. All changes go through the functions of the sibling modules; time is set from outside."""

    def __init__(self, market: Market, fees: Fees, dialect: Dialect, seed: int = 1) -> None:
        self.market = market
        self.fees = fees
        self.dialect = dialect
        self.seed = seed
        self.time_ms = 0
        self.accounts: dict[str, Account] = {}
        self.working: dict[str, dict[tuple[bool, int], Order]] = {}
        self.events: list[tuple[str, UserEvent]] = []
        self.changes = Changes()
        self.called: set[str] = set()
        self.shape_fills: Callable[[Order, list[tuple[Decimal, Decimal]]], list[tuple[Decimal, Decimal]]] | None = None
        self.forced: list[dict[str, Any]] = []
        self.counters: dict[str, int] = {"order": 1_000_000_000, "algo": 2_000_000_000, "trade": 100_000, "tran": 500_000, "auto": 0}

    def next(self, counter: str) -> int:
        """The next number of a counter: order, algo, trade, tran, auto."""
        self.counters[counter] += 1
        return self.counters[counter]

    def auto_client_id(self) -> str:
        """A client id for an order that came without one: 22 characters, the same in each equal run."""
        digest = hashlib.sha256(f"{self.seed}:{self.next('auto')}".encode()).digest()
        return "".join(_BASE62[byte % 62] for byte in digest[:22])

    def emit(self, key: str, event: UserEvent) -> None:
        """Queue a user-data event for an account."""
        self.events.append((key, event))

    def take_events(self) -> list[tuple[str, UserEvent]]:
        """The events since the last call."""
        taken, self.events = self.events, []
        return taken

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        taken, self.changes = self.changes, Changes()
        return taken

    def take_forced(self) -> list[dict[str, Any]]:
        """Liquidations since the last call, as the public stream shows them."""
        taken, self.forced = self.forced, []
        return taken

    def touch(self, order: Order) -> None:
        """An order changed now."""
        order.updated_ms = self.time_ms
        self.changes.orders[(order.algo, order.order_id)] = order

    def touch_account(self, account: Account) -> None:
        """Money, positions or settings of an account changed now."""
        account.updated_ms = self.time_ms
        self.changes.accounts[account.key] = account

    def add_work(self, order: Order) -> None:
        """Let an order wait for prices."""
        self.working.setdefault(order.symbol, {})[(order.algo, order.order_id)] = order

    def drop_work(self, order: Order) -> None:
        """An order no longer waits for prices."""
        waiting = self.working.get(order.symbol)
        if waiting is not None:
            waiting.pop((order.algo, order.order_id), None)
            if not waiting:
                del self.working[order.symbol]

    def account(self, key: str) -> Account:
        """An account by its API key."""
        return self.accounts[key]

    def mark(self, symbol: str) -> Decimal:
        """The mark price, zero for a contract that has not traded."""
        quote = self.market.quotes(symbol)
        return quote.mark if quote is not None else ZERO
