"""A small reader for `.env` files: KEY=VALUE lines, comments, quotes."""

import re
from pathlib import Path

from shared.domain.errors import ConfigError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""(["'])(.*)\1\s*(?:#.*)?""")


def parse_env(text: str, *, name: str = ".env") -> dict[str, str]:
    """Variables of a `.env` text. Nothing is expanded; ` #` starts a comment outside quotes; the last of two equal keys wins.

    Raises:
        ConfigError: a line is neither empty, nor a comment, nor KEY=VALUE; the line's content is not repeated.
    """
    found: dict[str, str] = {}
    wrong: list[int] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            wrong.append(number)
        else:
            found[match[1]] = _value(match[2])
    if wrong:
        raise ConfigError(f"{name}: expected KEY=VALUE, found something else in line {', '.join(map(str, wrong))}")
    return found


def _value(text: str) -> str:
    """A value without quotes and without a trailing comment."""
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()


def read_env_file(path: Path) -> dict[str, str]:
    """Variables of a `.env` file.

    Raises:
        ConfigError: the file cannot be read, or a line is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a readable text file with KEY=VALUE lines: {type(error).__name__}") from None
    return parse_env(text, name=str(path))
