"""Named moments of an entry. The product passes them by; a test can stop there."""

from enum import StrEnum
from typing import Protocol


class Moment(StrEnum):
    """Between two effects: what happened before is durable or at the venue, what follows is not."""

    BEFORE_INTENT = "before_intent"
    AFTER_INTENT = "after_intent"
    BEFORE_SEND = "before_send"
    AFTER_SEND = "after_send"
    AFTER_ANSWER = "after_answer"
    BEFORE_PUBLISH = "before_publish"


class Steps(Protocol):
    """Called at each moment of each entry."""

    async def __call__(self, moment: Moment, symbol: str, /) -> None:
        """Return to go on."""
        ...


async def go_on(_moment: Moment, _symbol: str) -> None:
    """What the product does."""
