"""Faults on order: what goes wrong, where, how often, and a record of each time it did."""

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services.paper_exchange.logic.reject import Reject


class FaultKind(StrEnum):
    """What can be made to go wrong.

    Answers: `accept_then_timeout` executes and never answers; `unknown_503` answers that nobody knows (executed when
    `executed` is true); `http_error` answers `status`, `code`, `msg`, or HTML with `html`; `rate_limit` 429 and `ban` 418 with
    `retry_after` seconds; `latency` waits `ms`; `outage` answers 502 to everything and cuts WebSockets; `stale_open_orders` goes
    on showing the first list it was asked for; `reject_order` refuses orders with `code` (of the listed `types`).
    Clock: `clock_skew` shifts the venue's clock by `ms`.
    Fills: `partial_fill` splits a taking order into `parts`, or fills only a `share` of it.
    Streams: `drop_user_stream` closes user-data connections now (`expire` also ends their keys), `silent_user_stream` and
    `silent_market_stream` send nothing (`stream`: part of the name), `shuffle_events` reverses events that happen together,
    `duplicate_events` sends each twice.
    """

    ACCEPT_THEN_TIMEOUT = "accept_then_timeout"
    UNKNOWN_503 = "unknown_503"
    HTTP_ERROR = "http_error"
    RATE_LIMIT = "rate_limit"
    BAN = "ban"
    LATENCY = "latency"
    OUTAGE = "outage"
    STALE_OPEN_ORDERS = "stale_open_orders"
    REJECT_ORDER = "reject_order"
    CLOCK_SKEW = "clock_skew"
    PARTIAL_FILL = "partial_fill"
    DROP_USER_STREAM = "drop_user_stream"
    SILENT_USER_STREAM = "silent_user_stream"
    SILENT_MARKET_STREAM = "silent_market_stream"
    SHUFFLE_EVENTS = "shuffle_events"
    DUPLICATE_EVENTS = "duplicate_events"


@dataclass(frozen=True, slots=True)
class Target:
    """What is about to happen: a request (method, path, symbol) or something of the engine (path empty)."""

    method: str = ""
    path: str = ""
    symbol: str = ""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule. `path` matches the end of a request's path; empty fields match everything; `times` None is without end."""

    number: int
    kind: FaultKind
    method: str = ""
    path: str = ""
    symbol: str = ""
    probability: float = 1.0
    times: int | None = None
    until_s: float | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    hits: int = 0

    def fits(self, target: Target) -> bool:
        """Whether the rule is about this target."""
        return (
            self.method in {"", target.method}
            and (not self.path or target.path.endswith(f"/{self.path.lstrip('/')}"))
            and self.symbol in {"", target.symbol}
        )

    def show(self) -> dict[str, Any]:
        """The rule as the control API shows it."""
        return {
            "id": self.number,
            "kind": self.kind.value,
            "method": self.method,
            "path": self.path,
            "symbol": self.symbol,
            "probability": self.probability,
            "times": self.times,
            "hits": self.hits,
            **self.words,
        }


LOG_MOST = 100_000
"""Strikes that are remembered; a silent stream strikes with every frame that it withholds."""
_FIELDS = {"kind", "method", "path", "symbol", "probability", "times", "seconds"}


class Faults:
    """The rules in force and the record of what they did. Chance is a hash of seed and draw number: the same in equal runs."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._draws = 0
        self._next = 0
        self.rules: list[Fault] = []
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_MOST)

    def add(self, body: Any, now_s: float) -> Fault:
        """A rule from a JSON object; other keys than the rule's own become its `words`.

        Raises:
            Reject: -1130 when it is not one.
        """
        try:
            kind = FaultKind(body["kind"])
            times, seconds = body.get("times"), body.get("seconds")
            fault = Fault(
                number=self._next + 1,
                kind=kind,
                method=str(body.get("method", "")).upper(),
                path=str(body.get("path", "")),
                symbol=str(body.get("symbol", "")).upper(),
                probability=float(body.get("probability", 1.0)),
                times=None if times is None else int(times),
                until_s=None if seconds is None else now_s + float(seconds),
                words={str(key): value for key, value in body.items() if key not in _FIELDS},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            kinds = ", ".join(item.value for item in FaultKind)
            raise Reject(-1130, f"Expected a JSON object with kind (one of {kinds}): {error!r}") from error
        self._next += 1
        self.rules.append(fault)
        return fault

    def remove(self, number: int | None) -> int:
        """Remove a rule, or all; returns how many went."""
        kept = [] if number is None else [fault for fault in self.rules if fault.number != number]
        gone = len(self.rules) - len(kept)
        self.rules = kept
        return gone

    def strike(self, kind: FaultKind, target: Target, now_s: float) -> Fault | None:
        """The rule of a kind that strikes here and now; recorded."""
        for fault in self.rules:
            if fault.kind is not kind or not self._alive(fault, now_s) or not fault.fits(target):
                continue
            if fault.probability < 1.0 and self._chance() >= fault.probability:
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            entry = {"id": fault.number, "kind": kind.value, "method": target.method, "path": target.path, "symbol": target.symbol}
            self.log.append(entry)
            return fault
        return None

    def standing(self, kind: FaultKind, now_s: float) -> list[Fault]:
        """Rules of a kind that are in force, without striking."""
        return [fault for fault in self.rules if fault.kind is kind and self._alive(fault, now_s)]

    @staticmethod
    def _alive(fault: Fault, now_s: float) -> bool:
        return fault.times != 0 and (fault.until_s is None or now_s < fault.until_s)

    def _chance(self) -> float:
        self._draws += 1
        digest = hashlib.sha256(f"{self._seed}:{self._draws}".encode()).digest()
        return int.from_bytes(digest[:8]) / 2.0**64
