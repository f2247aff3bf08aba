"""Types that settings need beyond numbers and text: addresses, lists, and numbers that may also be a word."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USERINFO = re.compile(r"(?<=://)[^/\s,]*@")
_QUERY = re.compile(r"\?[^,\s]*")
_SYMBOL = re.compile(r"[\w-]{2,40}")
_MAX_EXPONENT = 18


def no_control_characters(text: str) -> str:
    """Refuse what no setting needs and what would break a log line."""
    if _CONTROL.search(text):
        raise ValueError("control characters")
    return text


def match_choice(text: str, annotation: object) -> object:
    """The member of a closed set whose value equals the text in any case; anything else is left to the type."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        wanted = text.strip().casefold()
        return next((member for member in annotation if member.value.casefold() == wanted), text)
    return text


def sensible_digits(value: object) -> object:
    """Refuse decimals like 1E-400000000, which would be written out in full later."""
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or abs(exponent) > _MAX_EXPONENT:
            raise ValueError("too many digits")
    return value


def shown_url(text: str) -> str:
    """An address without user, password and query: `nats://user:pass@host` -> `nats://***@host`."""
    return _QUERY.sub("?***", _USERINFO.sub("***@", text))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host; a name other than `localhost` counts as reachable."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True, slots=True)
class Address:
    """A check for absolute addresses with one of the schemes; `several` allows a comma-separated list."""

    schemes: tuple[str, ...]
    several: bool = False

    def __call__(self, text: str) -> str:
        """The address without a trailing slash.

        Raises:
            ValueError: it is not such an address; the text is not repeated, it may hold a password.
        """
        for part in text.split(",") if self.several else [text]:
            url = urlsplit(part.strip())
            _ = url.port  # raises ValueError when it is not a number
            if any(letter.isspace() for letter in part.strip()):
                raise ValueError("white space inside")
            if text and (url.scheme not in self.schemes or not (url.hostname or url.scheme == "unix")):
                raise ValueError("not an address")
        return text.rstrip("/")


_HIDE = PlainSerializer(shown_url)

HttpUrl = Annotated[str, AfterValidator(Address(("http", "https"))), _HIDE]
"""REST base, without a trailing slash; may be empty."""

WsUrl = Annotated[str, AfterValidator(Address(("ws", "wss"))), _HIDE]
"""WebSocket base, without a trailing slash; may be empty."""

NatsUrl = Annotated[str, AfterValidator(Address(("nats", "tls"), several=True)), _HIDE]
"""One NATS server, or several separated by commas."""

RedisUrl = Annotated[str, AfterValidator(Address(("redis", "rediss", "unix"))), _HIDE]
"""One Redis server and database; `rediss` for TLS."""


def _split(value: object) -> object:
    """Comma-separated text as a tuple without empty parts."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _symbols(value: tuple[str, ...]) -> tuple[str, ...]:
    """Upper-case symbols; a venue may list names outside ASCII, so letters of any script pass."""
    if not all(_SYMBOL.fullmatch(part) for part in value):
        raise ValueError("not a symbol")
    return tuple(dict.fromkeys(part.upper() for part in value))


Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Comma-separated texts."""

Symbols = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_symbols)]
"""Comma-separated symbols, upper case, each once."""


def _leverage(value: object) -> object:
    """A whole number, or the word `max` in any case."""
    return "max" if isinstance(value, str) and value.strip().lower() == "max" else value


Leverage = Annotated[int | Literal["max"], BeforeValidator(_leverage)]
"""A factor, or `max`: whatever the venue allows for the symbol."""


def _cap(value: object) -> object:
    """A number, or `None` for the word `none` in any case."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "none":
        return None
    try:
        return Decimal(value.strip())
    except InvalidOperation:
        return value


Cap = Annotated[Decimal | None, BeforeValidator(_cap)]
"""An upper limit in money; `None` means that there is none, 0 that nothing is allowed."""


def _optional_path(value: object) -> object:
    """Empty text means no file."""
    return None if value == "" else value


OptionalPath = Annotated[Path | None, BeforeValidator(_optional_path)]
"""A file, or `None` when the text is empty."""
