"""The running venue: what requests, batches and timers share, and the order in which things happen.

Every change goes the same way: the desk changes, the change is committed, then the account is told and the answer goes out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import orjson

from services.paper_exchange.archive import Archive
from services.paper_exchange.auth import Times
from services.paper_exchange.countdowns import Countdowns
from services.paper_exchange.face import CandleFace
from services.paper_exchange.hub import Hub
from services.paper_exchange.limits import Limits
from services.paper_exchange.listen_keys import ListenKeys
from services.paper_exchange.logic.beliefs import Beliefs
from services.paper_exchange.logic.cancelling import cancel_all
from services.paper_exchange.logic.desk import Desk, UserEvent
from services.paper_exchange.logic.entities import Account
from services.paper_exchange.logic.ledger import book_income
from services.paper_exchange.options import Options
from services.paper_exchange.store import Store
from services.paper_exchange.wall import Wall


class Market(Protocol):
    """A source of prices as the exchange sees it."""

    head: Mapping[str, Any]
    note: str

    @property
    def face(self) -> CandleFace:
        """The public answers, where this process makes them itself."""
        ...

    def now_ms(self) -> int:
        """Venue time."""
        ...

    def position(self) -> str:
        """Where a recorded market stands, for a restart."""
        ...

    def status(self) -> dict[str, Any]:
        """Source, times, speed, staleness."""
        ...

    @property
    def scale(self) -> float:
        """Venue seconds per second, 0 in lock-step."""
        ...

    @property
    def slack_ms(self) -> int:
        """How far a timestamp may be off in lock-step."""
        ...


@dataclass(slots=True)
class Counts:
    """What the activity endpoint reports."""

    requests: int = 0


class Exchange:
    """Everything behind the sockets."""

    def __init__(self, options: Options, desk: Desk, store: Store, wall: Wall) -> None:
        self.options = options
        self.desk = desk
        self.store = store
        self.wall = wall
        self.hub = Hub()
        self.keys = ListenKeys(wall, options.seed)
        self.countdowns = Countdowns(wall)
        self.counts = Counts()
        self.beliefs = Beliefs()
        self.limits = Limits(wall, enabled=options.limits)
        self.event_filter: Callable[[list[tuple[str, UserEvent]]], list[tuple[str, UserEvent]]] | None = None
        self.skew: Callable[[], int] = lambda: 0
        self.fault_layer: Any = None
        self.market: Market

    @property
    def face(self) -> CandleFace:
        """The public answers of the market."""
        return self.market.face

    @property
    def head(self) -> Mapping[str, Any]:
        """The head of exchangeInfo: limits and assets."""
        return self.market.head

    @property
    def archive(self) -> Archive:
        """The whole history of the accounts."""
        return self.store.archive

    def now_ms(self) -> int:
        """Venue time."""
        return self.market.now_ms()

    def times(self) -> Times:
        """The clocks that a timestamp is checked against."""
        skew, now, scale = self.skew(), self.now_ms(), self.market.scale
        self.beliefs.note(self.wall.monotonic_s(), now, scale)
        least, most = self.beliefs.bounds(self.wall.monotonic_s(), now)
        wall = self.wall.wall_ms()
        return Times(wall + skew, now + skew, scale, self.market.slack_ms, behind_ms=now - least, ahead_ms=most - now)

    def speed_header(self) -> str:
        """Value of X-MRASTER-SPEED: 0 in lock-step, else venue seconds per second."""
        return f"{self.market.scale:g}"

    def begin(self) -> None:
        """Bring the desk's clock up to now before a request is handled."""
        self.desk.time_ms = max(self.desk.time_ms, self.now_ms())

    def flush(self) -> None:
        """Commit what changed, then tell the accounts."""
        changes = self.desk.take_changes()
        if changes:
            self.store.commit(changes, self.desk.counters, self.desk.time_ms, self.market.position())
            for key in changes.accounts.keys() | {order.account for order in changes.orders.values()}:
                self.desk.account(key).trim()
        events = self.desk.take_events()
        if self.event_filter is not None:
            events = self.event_filter(events)
        for key, event in events:
            self.tell(key, event)

    def tell(self, key: str, event: dict[str, Any]) -> None:
        """Send a user event to whoever holds the account's listen key."""
        listen_key = self.keys.current(key)
        if listen_key is not None and self.hub.listens(listen_key):
            self.hub.publish(listen_key, orjson.dumps(event), event["e"])

    def open_account(self, key: str, secret: str, balance: Decimal) -> Account:
        """A new account with a first deposit."""
        account = Account(key=key, secret=secret, alias=f"paper{len(self.desk.accounts) + 1}")
        self.desk.accounts[key] = account
        book_income(self.desk, account, "", ("TRANSFER", balance), ("DEPOSIT", ""))
        self.desk.touch_account(account)
        return account

    def forget(self, account: Account) -> None:
        """Take an account and everything it has done out of the venue."""
        for order in (*account.open_orders(), *account.open_algos()):
            self.desk.drop_work(order)
        self.desk.accounts.pop(account.key)
        self.store.forget(account)

    def check_timers(self) -> None:
        """Expire listen keys and fire cancel countdowns that are due; note what time clients are shown."""
        self.beliefs.note(self.wall.monotonic_s(), self.now_ms(), self.market.scale)
        for _, listen_key in self.keys.take_expired():
            event = {"e": "listenKeyExpired", "E": self.now_ms(), "listenKey": listen_key}
            if self.desk.dialect.value == "aster":
                del event["listenKey"]
            self.hub.publish(listen_key, orjson.dumps(event), "listenKeyExpired")
        due = self.countdowns.take_due()
        if due:
            self.begin()
            for key, symbol in due:
                cancel_all(self.desk, self.desk.account(key), symbol, algo=False)
            self.flush()
