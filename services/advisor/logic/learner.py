"""From signals, candles and trades to lessons, and once per hour from lessons to an edition of the brain.

Order does not matter within one candle: a signal that is heard after later candles catches up, and lessons wait until
an edition is made and are then taken in a fixed order.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from services.advisor.logic import playbook as books
from services.advisor.logic.aftermath import REVIEWS, Aftermath, Review, ended, review, watch
from services.advisor.logic.brain import Brain
from services.advisor.logic.budget import ASKED, CASES, Asked, Case, asked_of, case_of
from services.advisor.logic.changes import CHANGES, TOLD, Change, Factors, changes
from services.advisor.logic.edition import due
from services.advisor.logic.lesson import Lesson, from_shadow, from_trade, seen_of
from services.advisor.logic.pulse import LONGER_MS, Pulse
from services.advisor.logic.shadow import Followed, Outcome, ShadowLedger, follow, step
from shared.contracts.market import CandleClosed
from shared.contracts.order import TradeClosed
from shared.contracts.plan import Plan
from shared.contracts.signal import Signal
from shared.domain.candle import interval_ms

REMEMBERED = 60
"""Candles per symbol that a late signal can still catch up with."""
REMEMBERED_IDEAS = 20_000
KEPT_IDEAS = 1000
"""Those that a restart still remembers: only what was not acknowledged comes again."""
OLDEST_TRADE_MS = 7 * 86_400_000
ANOTHER_TIMELINE_MS = 2 * 86_400_000
"""Candles come in order but for what is delivered again; one that is older than this belongs to another replay."""
_LESSONS = TypeAdapter(list[Lesson])
_ENTERED = TypeAdapter(dict[str, Followed])


@dataclass(frozen=True, slots=True)
class Edition:
    """A brain with its number. `learned` = how many lessons are new in it."""

    number: int
    brain: Brain
    learned: int = 0


@dataclass(slots=True)
class Funnel:
    """Counts since the beginning."""

    signals: int = 0
    offered: int = 0
    entered: int = 0
    closed: int = 0
    followed: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Learner:
    """The working state of the one who learns.

    `reviews` wait for the next edition, `changes` are what the newest edition changed about the tuner's factors; both are to be told.
    """

    edition: Edition = field(default_factory=lambda: Edition(0, Brain()))
    ledger: ShadowLedger = field(default_factory=ShadowLedger)
    entered: dict[str, Followed] = field(default_factory=dict)
    lessons: list[Lesson] = field(default_factory=list)
    funnel: Funnel = field(default_factory=Funnel)
    playbook: books.Playbook = field(default_factory=books.Playbook)
    clock_ms: int = 0
    market_risk: float = 0.0
    aftermath: Aftermath = field(default_factory=Aftermath)
    reviews: list[Review] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    pulse: Pulse = field(default_factory=Pulse)
    cases: list[Case] = field(default_factory=list)
    risk_usd: float | None = None
    _asked: dict[str, Asked] = field(default_factory=dict)
    _told: dict[str, Factors] = field(default_factory=dict)
    _recent: dict[tuple[str, str], deque[CandleClosed]] = field(default_factory=dict)
    _funding: dict[str, float] = field(default_factory=dict)
    _met: dict[str, None] = field(default_factory=dict)

    def signal(self, signal: Signal, idea: str, raw: Mapping[str, float]) -> None:
        """Begin to follow a candidate or a skip; `raw` are the features that it does not bring itself. One that comes again is not new."""
        if idea in self._met:
            return
        self._meet(idea)
        self.funnel.signals += 1
        if "funding_rate_8h" in signal.features:
            self._funding[signal.symbol] = signal.features["funding_rate_8h"]
        self.market_risk = raw.get("market_risk", 0.0)
        followed: Followed | Outcome | None = follow(signal, idea, raw)
        if followed is None:
            return
        self.funnel.offered += isinstance(followed, Followed) and followed.reason == "offered"
        for candle in self._recent.get((signal.symbol, signal.interval), ()):
            if isinstance(followed, Followed):
                followed = step(followed, candle)
        if isinstance(followed, Outcome):
            self._ended(followed)
        else:
            self.ledger.add(followed)

    def _meet(self, idea: str) -> None:
        """Remember the last ideas."""
        self._met[idea] = None
        if len(self._met) > REMEMBERED_IDEAS:
            del self._met[next(iter(self._met))]

    def planned(self, plan: Plan, idea: str) -> None:
        """A plan was made: when a model made it, its help is valued once the idea has ended."""
        asked = asked_of(plan)
        if asked is not None:
            self._asked[idea] = asked
            if len(self._asked) > REMEMBERED_IDEAS:
                del self._asked[next(iter(self._asked))]

    def _value(self, idea: str, symbol: str, ended_ms: int, net_r: float) -> None:
        """What a model's verdict changed; unknown before the first trade has shown how much is risked."""
        asked = self._asked.pop(idea, None)
        if asked is not None and self.risk_usd is not None:
            self.cases.append(case_of(idea, symbol, asked, (ended_ms, net_r, self.risk_usd)))

    def opened(self, idea: str) -> None:
        """A position was opened for this idea: its result will come from the trade."""
        followed = self.ledger.take(idea)
        if followed is not None and idea not in self.entered:
            self.entered[idea] = followed
            self.funnel.entered += 1

    def closed(self, trade: TradeClosed, risks: Mapping[str, float] | None = None) -> Lesson | None:
        """A trade was closed; its lesson, if there is one. `risks` are the sentinel's features at that time."""
        followed = self.entered.pop(trade.position_id, None)
        if followed is None:
            return None
        self.funnel.closed += 1
        self.risk_usd = float(trade.initial_risk_usd) if trade.initial_risk_usd else self.risk_usd
        seen, lesson = seen_of(trade, followed), from_trade(trade, followed)
        if seen is not None:
            self._watch(trade, seen, risks or {})
        if lesson is not None:
            self.lessons.append(lesson)
            self._value(trade.position_id, trade.symbol, trade.closed_ms, lesson.net_r)
        return lesson

    def _watch(self, trade: TradeClosed, lesson: Lesson, risks: Mapping[str, float]) -> None:
        """Wait for the review, whoever ended it; a trade that is heard late catches up with what came since."""
        waiting = ended(trade, lesson, risks)
        for candle in self._recent.get((lesson.followed.symbol, lesson.followed.interval), ()):
            if not waiting.ready:
                waiting = watch(waiting, candle)
        if waiting.ready:
            self.reviews.append(review(waiting, self.pulse))
        else:
            self.aftermath.add(waiting)

    def candle(self, candle: CandleClosed) -> Edition | None:
        """Take a closed candle of the signal interval; a new edition when candle time has moved into one."""
        made = None
        if candle.close_ms < self.clock_ms - ANOTHER_TIMELINE_MS:
            self._begin_again()
        if candle.close_ms > self.clock_ms:
            made = self._moved(candle.close_ms, interval_ms(candle.interval))
        self.pulse.candle(candle)
        recent = self._recent.setdefault((candle.symbol, candle.interval), deque(maxlen=REMEMBERED))
        if not recent or candle.close_ms > recent[-1].close_ms:
            recent.append(candle)
        for outcome in self.ledger.candle(candle):
            self._ended(outcome)
        self.reviews += self.aftermath.candle(candle, self.pulse)
        return made

    def _begin_again(self) -> None:
        """The market's time went back by days: a replay begins anew. What was learned stays, what was on its way is gone."""
        self.ledger, self.entered, self.lessons, self.clock_ms = ShadowLedger(), {}, [], 0
        self.pulse, self._recent, self.aftermath, self.reviews = self.pulse.anew(), {}, Aftermath(), []

    def _moved(self, now_ms: int, length_ms: int) -> Edition | None:
        """Everything before this moment is in."""
        before_ms, self.clock_ms = self.clock_ms, now_ms
        snapshot = self.pulse.snapshot(self._funding.values(), self.market_risk)
        if snapshot is not None:
            self.playbook = books.advance(self.playbook, snapshot)
        number = due(before_ms, now_ms, length_ms)
        return self._make(number) if number is not None and before_ms else None

    def _make(self, number: int) -> Edition:
        """Take the lessons in, in their fixed order, and close the edition."""
        brain, problems = Brain.from_dict(self.edition.brain.to_dict())
        if problems:
            raise ValueError(f"a brain cannot read itself: {problems}")
        for lesson in sorted(self.lessons, key=lambda item: item.order):
            brain.learn(lesson)
        for found in sorted((*self.reviews, *self.aftermath.overdue(self.clock_ms, self.pulse)), key=lambda item: item.order):
            brain.review(found)
        for case in sorted(self.cases, key=lambda item: item.order):
            brain.budget.note(case)
        brain.playbook = self.playbook
        self.changes = changes(brain.tuner, self._told)
        self._told |= {change.bucket: change.after for change in self.changes}
        self.edition = Edition(number, brain, len(self.lessons))
        self.lessons, self.reviews, self.cases = [], [], []
        self.entered = {idea: item for idea, item in self.entered.items() if item.close_ms > self.clock_ms - OLDEST_TRADE_MS}
        return self.edition

    def _ended(self, outcome: Outcome) -> None:
        lesson = from_shadow(outcome)
        if lesson is None:
            self.funnel.unknown += 1
            return
        self.funnel.followed += 1
        self.lessons.append(lesson)
        if not outcome.followed.taken:
            self._value(outcome.followed.idea, outcome.followed.symbol, outcome.ended_ms, outcome.net_r)

    def draft(self) -> dict[str, Any]:
        """What an edition does not hold, as JSON types: a restart goes on from it."""
        return {
            "kind": "draft",
            "version": 1,
            "edition": self.edition.number,
            "clock_ms": self.clock_ms,
            "ledger": self.ledger.to_dict(),
            "entered": _ENTERED.dump_python(self.entered, mode="json"),
            "lessons": _LESSONS.dump_python(self.lessons, mode="json"),
            "funnel": asdict(self.funnel),
            "playbook": books.to_dict(self.playbook),
            "pulse": self.pulse.to_dict(),
            "funding": self._funding,
            "market_risk": self.market_risk,
            "aftermath": self.aftermath.to_list(),
            "reviews": REVIEWS.dump_python(self.reviews, mode="json"),
            "changes": CHANGES.dump_python(self.changes, mode="json"),
            "told": TOLD.dump_python(self._told, mode="json"),
            "cases": CASES.dump_python(self.cases, mode="json"),
            "asked": ASKED.dump_python(self._asked, mode="json"),
            "risk_usd": self.risk_usd,
            "met": list(self._met)[-KEPT_IDEAS:],
        }

    @classmethod
    def from_draft(cls, draft: Mapping[str, Any], edition: Edition, longer_ms: int = LONGER_MS) -> "Learner":
        """The learner of a draft and its edition. Lessons of a draft that is older than the edition are in the edition already.

        Parts that an earlier version did not write begin empty. `longer_ms` is the length of the longer candles.

        Raises:
            ValueError: it is not a draft.
        """
        if (draft.get("kind"), draft.get("version")) != ("draft", 1):
            raise ValueError(f"expected kind 'draft' version 1, got {draft.get('kind')!r} version {draft.get('version')!r}")
        try:
            fresh = draft["edition"] == edition.number
            lessons = _LESSONS.validate_python(draft["lessons"]) if fresh else []
            return cls(
                edition=edition,
                ledger=ShadowLedger.from_dict(draft["ledger"]),
                entered=_ENTERED.validate_python(draft["entered"]),
                lessons=lessons,
                funnel=Funnel(**{name: int(value) for name, value in draft["funnel"].items()}),
                playbook=books.from_dict(draft["playbook"]),
                clock_ms=int(draft["clock_ms"]),
                market_risk=float(draft.get("market_risk", 0.0)),
                aftermath=Aftermath.from_list(draft.get("aftermath", [])),
                reviews=REVIEWS.validate_python(draft.get("reviews", [])) if fresh else [],
                changes=CHANGES.validate_python(draft.get("changes", [])),
                pulse=Pulse.from_dict(draft["pulse"], longer_ms) if "pulse" in draft else Pulse(longer_ms),
                cases=CASES.validate_python(draft.get("cases", [])) if fresh else [],
                risk_usd=draft.get("risk_usd"),
                _asked=ASKED.validate_python(draft.get("asked", {})),
                _told=TOLD.validate_python(draft.get("told", {})),
                _funding={str(symbol): float(rate) for symbol, rate in draft.get("funding", {}).items()},
                _met=dict.fromkeys(draft["met"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"expected the parts of a draft: {error}") from error
