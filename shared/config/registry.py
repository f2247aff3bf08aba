"""All declarations by variable name, and how values are written as text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, get_args

from pydantic import AfterValidator, SecretStr

from shared.config.kinds import Address, shown_url
from shared.config.knob import Knob, Section
from shared.config.sections.advisor import Advisor
from shared.config.sections.budget import Budget
from shared.config.sections.core import Core
from shared.config.sections.dashboard import Dashboard
from shared.config.sections.exits import Exits
from shared.config.sections.filters import Filters
from shared.config.sections.infra import Infra
from shared.config.sections.paper import Paper
from shared.config.sections.risk import Risk
from shared.config.sections.sentinel import Sentinel
from shared.config.sections.strategy import Strategy
from shared.config.sections.universe import Universe
from shared.domain.units import plain

SECTIONS: Mapping[str, type[Section]] = MappingProxyType(
    {
        "core": Core,
        "paper": Paper,
        "universe": Universe,
        "strategy": Strategy,
        "filters": Filters,
        "risk": Risk,
        "exits": Exits,
        "advisor": Advisor,
        "sentinel": Sentinel,
        "budget": Budget,
        "infra": Infra,
        "dashboard": Dashboard,
    }
)
"""Attribute of `Settings` -> section, in the order of the reference."""

PREFIXES = ("ASTER_", "FAST_TP_", "FASTTP_")
"""Variables with these beginnings are ours; an undeclared one is a mistake."""

MASK = "***"


class Kind(StrEnum):
    """What an editor needs to know about the type of a setting."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    CHOICE = "choice"
    LIST = "list"
    ADDRESS = "address"
    PATH = "path"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    TEXT = "text"


_KINDS: Mapping[type, Kind] = MappingProxyType(
    {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.NUMBER, Decimal: Kind.DECIMAL, SecretStr: Kind.SECRET}
)
_NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One setting: where it lives and everything its declaration says."""

    section: str
    attribute: str
    title: str
    knob: Knob
    kind: Kind
    default: object
    description: str
    choices: tuple[str, ...]
    schemes: tuple[str, ...]

    @property
    def env(self) -> str:
        """Name of the variable."""
        return self.knob.env

    @property
    def path(self) -> str:
        """Place in `Settings`, for example `risk.per_trade`."""
        return f"{self.section}.{self.attribute}"

    @property
    def group(self) -> str:
        """Heading in the editor."""
        return self.knob.group or self.title

    @property
    def label(self) -> str:
        """Short name for people."""
        return self.knob.label or self.attribute.replace("_", " ").capitalize()

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return self.kind is Kind.SECRET

    @property
    def editable(self) -> bool:
        """Whether the dashboard may store a value; secrets go to the vault instead."""
        return self.knob.editable and not self.secret

    @property
    def default_text(self) -> str:
        """The default for people: its text, or how it is computed."""
        return self.knob.derived or self.shown(self.default)

    @property
    def bounds(self) -> str:
        """The allowed range in words; empty when there is none."""
        knob = self.knob
        low = f"above {number_text(knob.gt)}" if knob.gt is not None else f"at least {number_text(knob.ge)}" if knob.ge is not None else ""
        high = f"below {number_text(knob.lt)}" if knob.lt is not None else f"at most {number_text(knob.le)}" if knob.le is not None else ""
        if knob.ge is not None and knob.le is not None:
            return f"{number_text(knob.ge)} to {number_text(knob.le)}"
        return ", ".join(part for part in (low, high) if part)

    @property
    def expected(self) -> str:
        """What a value must be, for messages and for the reference."""
        words = "".join(f", or {word}" for word in self.knob.words)
        if self.kind in _NUMBERS:
            noun = "a whole number" if self.kind is Kind.INTEGER else "a number"
            unit = f" ({self.knob.unit})" if self.knob.unit else ""
            between = "from " if self.knob.ge is not None and self.knob.le is not None else ""
            return f"{noun} {between}{self.bounds}{unit}{words}"
        if self.kind is Kind.CHOICE:
            return f"one of {', '.join(self.choices)}"
        if self.kind is Kind.ADDRESS:
            return f"an address that starts with {' or '.join(f'{scheme}://' for scheme in self.schemes)}"
        return self.knob.hint or _EXPECTED[self.kind]

    def text(self, value: object) -> str:
        """A value as the environment would spell it; parsing the text gives the value again. Reveals secrets."""
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        return _text(value, none=self.knob.words[0] if self.knob.words else "")

    def shown(self, value: object) -> str:
        """A value for people: secrets masked (empty stays empty), passwords inside addresses masked."""
        text = self.text(value)
        if self.secret:
            return MASK if text else ""
        return shown_url(text) if self.kind is Kind.ADDRESS else text


_EXPECTED: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.BOOLEAN: "true or false",
        Kind.LIST: "names separated by commas",
        Kind.PATH: "a path",
        Kind.SECRET: "text without control characters",
        Kind.TEXT: "text without control characters",
    }
)


def number_text(value: float | Decimal | None) -> str:
    """A number written out, without exponent."""
    return plain(Decimal(str(value)))


def _text(value: object, *, none: str) -> str:
    """Text of a typed value; `none` is the spelling of `None`."""
    if value is None:
        return none
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return number_text(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _kind(annotation: Any, schemes: tuple[str, ...]) -> Kind:
    """The kind of a field; a union counts as its first member."""
    first = next((part for part in get_args(annotation) if isinstance(part, type)), annotation)
    if annotation in _KINDS or first in _KINDS:
        return _KINDS.get(annotation) or _KINDS[first]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Kind.CHOICE
    if schemes:
        return Kind.ADDRESS
    if annotation is str:
        return Kind.TEXT
    return Kind.LIST if first is str else Kind.PATH


def _declared(section: str, cls: type[Section]) -> Iterator[Declared]:
    """The declarations of one section."""
    defaults = cls()
    for attribute, knob in cls.knobs().items():
        field = cls.model_fields[attribute]
        checks = [item.func for item in field.metadata if isinstance(item, AfterValidator)]
        schemes = next((check.schemes for check in checks if isinstance(check, Address)), ())
        kind = _kind(field.annotation, schemes)
        choices = tuple(str(member) for member in field.annotation) if kind is Kind.CHOICE else ()  # type: ignore[union-attr]
        yield Declared(
            section=section,
            attribute=attribute,
            title=cls.title,
            knob=knob,
            kind=kind,
            default=getattr(defaults, attribute),
            description=" ".join((field.description or "").split()),
            choices=choices,
            schemes=schemes,
        )


def _all() -> Mapping[str, Declared]:
    """Every declaration, by variable; a name declared twice is a mistake of ours."""
    found: dict[str, Declared] = {}
    for section, cls in SECTIONS.items():
        for declared in _declared(section, cls):
            if declared.env in found:
                raise TypeError(f"{declared.env} is declared as {found[declared.env].path} and as {declared.path}")
            found[declared.env] = declared
    return MappingProxyType(found)


DECLARED: Mapping[str, Declared] = _all()
"""Variable name -> declaration."""

_BY_PATH = {declared.path: name for name, declared in DECLARED.items()}


def name_of(path: str) -> str:
    """The variable behind a place in `Settings`, so that no other file spells a variable: `name_of("risk.leverage")`.

    Raises:
        KeyError: there is no such setting.
    """
    return _BY_PATH[path]


def env_names(values: Mapping[str, str]) -> dict[str, str]:
    """Turn `{"paper.speed": "600"}` into the variables that a child process reads."""
    return {name_of(path): text for path, text in values.items()}
