"""Where the messages of a tail come from: which streams with which filters, and which core subjects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.bus.subjects import intersection, widest
from shared.contracts.envelope import Payload
from shared.domain.errors import ContractViolation


@dataclass(frozen=True, slots=True)
class Routes:
    """Filters per stream (they do not overlap), and core patterns."""

    streams: Mapping[str, list[str]]
    core: list[str]


def routes(patterns: Sequence[str], models: Mapping[str, type[Payload]]) -> Routes:
    """Split patterns by what carries them.

    Raises:
        ContractViolation: a pattern that no topic can match.
    """
    topics = [model.topic for model in models.values()]
    stored: dict[str, list[str]] = {}
    core: list[str] = []
    for pattern in patterns:
        met = False
        for topic in topics:
            within = topic.stream.subjects if topic.stream else (topic.pattern,)
            found = [both for subject in within if (both := intersection(pattern, subject))]
            (stored.setdefault(topic.stream.name, []) if topic.stream else core).extend(found)
            met = met or bool(found)
        if not met:
            raise ContractViolation(f"expected a pattern that some topic matches, got {pattern!r}")
    return Routes({stream: widest(found) for stream, found in stored.items() if found}, widest(core))
