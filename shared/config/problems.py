"""What can be wrong with settings, one problem per variable, all of them in one error."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.config.registry import Declared, Kind
from shared.domain.errors import ConfigError

_LONGEST = 60


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One wrong setting; `text` says what was expected and what was found, never a secret."""

    name: str
    text: str

    def __str__(self) -> str:
        """The line that people read."""
        return f"{self.name}: {self.text}"


class InvalidSettings(ConfigError):
    """One or more settings are wrong; `problems` holds them by variable."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 setting is wrong:" if count == 1 else f"{count} settings are wrong:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def found_text(declared: Declared, text: str) -> str:
    """What was found, short enough for one line and without what may be secret."""
    if declared.secret:
        return "a secret (not shown)"
    if declared.kind is Kind.ADDRESS and "@" in text:
        return "an address with a password (not shown)"
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return ascii(shown)
