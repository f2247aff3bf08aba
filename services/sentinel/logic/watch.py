"""The whole judgement: from the table to the states that are worth telling."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.sentinel.logic.profile import Profile
from services.sentinel.logic.score import Scores, score, score_market
from services.sentinel.logic.states import Present, state_of, worth_telling
from services.sentinel.logic.table import Table
from services.sentinel.logic.track import Track, advance, is_event
from services.sentinel.logic.words import reasons
from shared.contracts.sentinel import MARKET_KEY, RiskLabel, SentinelState


@dataclass(frozen=True, slots=True)
class Told:
    """A state to publish, with the track that a restart needs to go on from."""

    state: SentinelState
    track: Track


def newest(news: Iterable[Told]) -> list[Told]:
    """Only the last state of each symbol, in the order of those last ones."""
    last: dict[str, Told] = {}
    for told in news:
        last.pop(told.state.symbol, None)
        last[told.state.symbol] = told
    return list(last.values())


class Watch:
    """Tracks of all symbols. The same tables in the same order give the same states.

    What `judge` returns counts as told: whoever asks must publish it, however long that takes.
    """

    def __init__(self, decay_ms: int) -> None:
        self._decay_ms = decay_ms
        self._tracks: dict[str, Track] = {}
        self._told: dict[str, SentinelState] = {}

    def restore(self, state: SentinelState, track: Track) -> None:
        """Go on from an earlier life."""
        self._told[state.symbol] = state
        self._tracks[state.symbol] = track

    def standing(self) -> list[Told]:
        """What holds now: the market, and every symbol that is not green."""
        held = [s for s in self._told.values() if s.symbol == MARKET_KEY or s.label is not RiskLabel.GREEN]
        return [Told(state, self._tracks[state.symbol]) for state in held]

    def judge(self, table: Table, profile: Profile) -> list[Told]:
        """Judge every symbol and the market at the table's time; what is worth telling, the market first."""
        measures = table.measure(profile)
        if not measures.symbols:
            return []
        scores = score(measures)
        market = score_market(measures, scores)
        found = self._judge(market, table.now_ms, market=True) + self._judge(scores, table.now_ms)
        gone = self._told.keys() - set(measures.symbols) - {MARKET_KEY}
        return found + [told for symbol in sorted(gone) for told in self._one(symbol, Present(), table.now_ms)]

    def _judge(self, scores: Scores, now_ms: int, *, market: bool = False) -> list[Told]:
        found: list[Told] = []
        for row, symbol in enumerate(scores.symbols):
            raw = float(scores.risk[row])
            track = self._tracks.get(symbol, Track())
            why = reasons(scores, row, market=market) if is_event(track, raw, now_ms, self._decay_ms) else ()
            self._tracks[symbol] = advance(track, raw, now_ms, self._decay_ms, why)
            if self._is_news(symbol, now_ms):
                numbers = {name: float(values[row]) for name, values in scores.inputs.items()} | {"score": raw}
                found += self._one(symbol, Present(float(scores.hype[row]), numbers), now_ms)
        return found

    def _is_news(self, symbol: str, now_ms: int) -> bool:
        risk = self._tracks[symbol].risk(now_ms, self._decay_ms)
        return worth_telling(self._told.get(symbol), risk, now_ms, self._decay_ms, always_known=symbol == MARKET_KEY)

    def _one(self, symbol: str, present: Present, now_ms: int) -> list[Told]:
        """The state of one symbol if it is news; a symbol that is gone only fades."""
        if not self._is_news(symbol, now_ms):
            return []
        track = self._tracks[symbol]
        state = self._told[symbol] = state_of(symbol, track, present, now_ms, self._decay_ms)
        return [Told(state, track)]
