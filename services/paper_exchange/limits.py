"""Request weights per address and order counts per account, with the venue's headers and refusals.

Windows are minutes (and ten seconds) of this machine's clock. On a replay that runs S times faster than real time one request
counts 1/S: a client that does in a second what it would do in S seconds at the venue must not be punished for our speed. In
lock-step and at full speed nothing is counted.
"""

import math
from dataclasses import dataclass, field

from services.paper_exchange.logic.reject import Reject
from services.paper_exchange.wall import Wall

_MINUTE_MS = 60_000
_TEN_S_MS = 10_000
_PATIENCE = 20
"""Refused requests within a minute after which an address is banned."""
_BAN_MS = 120_000
_BAN_MOST_MS = 3 * 86_400_000


@dataclass(slots=True)
class _Window:
    number: int = -1
    used: float = 0.0

    def add(self, number: int, cost: float) -> float:
        if number != self.number:
            self.number, self.used = number, 0.0
        self.used += cost
        return self.used


@dataclass(slots=True)
class _Address:
    weight: _Window = field(default_factory=_Window)
    refused: _Window = field(default_factory=_Window)
    banned_until_ms: int = 0
    bans: int = 0


class Limits:
    """Counts and refuses. `weight` and `orders` are the limits of exchangeInfo."""

    def __init__(self, wall: Wall, *, enabled: bool, weight: int = 2400, orders: tuple[int, int] = (300, 1200)) -> None:
        self._wall = wall
        self._enabled = enabled
        self._weight = weight
        self._orders = orders
        self._addresses: dict[str, _Address] = {}
        self._accounts: dict[str, tuple[_Window, _Window]] = {}

    def _cost(self, amount: int, speed: float) -> float:
        if not self._enabled or speed == 0 or math.isinf(speed):
            return 0.0
        return amount / max(1.0, speed)

    def charge_weight(self, address: str, weight: int, speed: float) -> int:
        """Count a request; returns the weight used in this minute.

        Raises:
            Reject: 429 (-1003) over the limit, 418 once an address goes on asking; both with Retry-After.
        """
        now = self._wall.wall_ms()
        known = self._addresses.setdefault(address, _Address())
        if known.banned_until_ms > now:
            raise self._banned(address, known.banned_until_ms, now)
        minute = now // _MINUTE_MS
        used = known.weight.add(minute, self._cost(weight, speed))
        if used <= self._weight:
            return math.ceil(used)
        if known.refused.add(minute, 1) > _PATIENCE:
            known.bans += 1
            known.banned_until_ms = now + min(_BAN_MS * 2 ** (known.bans - 1), _BAN_MOST_MS)
            raise self._banned(address, known.banned_until_ms, now)
        wait = ((minute + 1) * _MINUTE_MS - now + 999) // 1000
        message = (
            f"Too many requests; current limit of IP({address}) is {self._weight} requests per minute. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        used_header = ("x-mbx-used-weight-1m", str(math.ceil(used)))
        raise Reject(-1003, message, 429, (("retry-after", str(wait)), used_header))

    @staticmethod
    def _banned(address: str, until_ms: int, now: int) -> Reject:
        message = f"Way too many requests; IP({address}) banned until {until_ms}. Please use the websocket for live updates to avoid bans."
        return Reject(-1003, message, 418, (("retry-after", str((until_ms - now + 999) // 1000)),))

    def charge_orders(self, account: str, count: int, speed: float) -> tuple[int, int]:
        """Count orders; returns what is used in ten seconds and in this minute.

        Raises:
            Reject: 429 (-1015) over a limit.
        """
        now = self._wall.wall_ms()
        short, long = self._accounts.setdefault(account, (_Window(), _Window()))
        used_short = short.add(now // _TEN_S_MS, self._cost(count, speed))
        used_long = long.add(now // _MINUTE_MS, self._cost(min(count, 1), speed))
        for used, most, word, length in (
            (used_short, self._orders[0], "TEN_SECONDS", _TEN_S_MS),
            (used_long, self._orders[1], "MINUTE", _MINUTE_MS),
        ):
            if used > most:
                wait = (length - now % length + 999) // 1000
                raise Reject(-1015, f"Too many new orders; current limit is {most} orders per {word}.", 429, (("retry-after", str(wait)),))
        return math.ceil(used_short), math.ceil(used_long)
