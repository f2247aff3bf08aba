"""A warning over time: it jumps up with an event, then fades.

24 h statistics show a move for a whole day, but a warning is about something new. So an event is a *rise* of the score by
more than `RISE` above what was already seen; the warning starts at that level and decays linearly to zero. A score that stays
high without rising is an old event. What was seen follows a falling score down only slowly, so that a score that trembles
around one level does not warn again and again: this, not a second pair of thresholds, is the hysteresis of the labels.
"""

from dataclasses import dataclass

RISE = 0.05
LONGEST_LOOK_MS = 300_000
"""Between two scores nobody looked: a gap (a restart) makes us forget no more than this long a look at a low score would."""


@dataclass(frozen=True, slots=True)
class Track:
    """`level` of the last event at `event_ms`; `seen` = the score that is old news, as of `seen_ms`."""

    level: float = 0.0
    event_ms: int = 0
    seen: float = 0.0
    seen_ms: int = 0
    reasons: tuple[str, ...] = ()

    def risk(self, now_ms: int, decay_ms: int) -> float:
        """The warning at a moment: full at the event, zero `decay_ms` later."""
        left = 1.0 - max(0, now_ms - self.event_ms) / decay_ms
        return self.level * max(0.0, left)

    def ends_ms(self, decay_ms: int) -> int:
        """When the warning is zero."""
        return self.event_ms + decay_ms


def is_event(track: Track, raw: float, now_ms: int, decay_ms: int) -> bool:
    """Whether a score is news: clearly above what was seen, and above what is left of the last warning."""
    return raw > _seen(track, now_ms, decay_ms) + RISE and raw > track.risk(now_ms, decay_ms)


def advance(track: Track, raw: float, now_ms: int, decay_ms: int, reasons: tuple[str, ...] = ()) -> Track:
    """The track after a score at a moment. A moment before the last one changes nothing."""
    if now_ms < track.seen_ms:
        return track
    if is_event(track, raw, now_ms, decay_ms):
        return Track(raw, now_ms, raw, now_ms, reasons)
    return Track(track.level, track.event_ms, max(raw, _seen(track, now_ms, decay_ms)), now_ms, track.reasons)


def _seen(track: Track, now_ms: int, decay_ms: int) -> float:
    """What was seen, forgotten at half the speed of a warning while somebody looks."""
    looked_ms = min(now_ms - track.seen_ms, LONGEST_LOOK_MS)
    return max(0.0, track.seen - looked_ms / (2 * decay_ms))
