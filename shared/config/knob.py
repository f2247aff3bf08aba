"""One declaration per setting: `Section` holds the values, `knob` says everything else about them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, TypedDict, Unpack, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from shared.config.kinds import match_choice, no_control_characters, sensible_digits, shown_url


class Applies(StrEnum):
    """When a change made on the dashboard takes effect."""

    LIVE = "live"
    NEXT_TRADE = "next trade"
    RESTART = "restart"


LIVE = Applies.LIVE
NEXT_TRADE = Applies.NEXT_TRADE
RESTART = Applies.RESTART

Bound = int | float | Decimal | None


class Options(TypedDict, total=False):
    """What a declaration may say beyond default and name; all of it is optional."""

    ge: Bound
    gt: Bound
    le: Bound
    lt: Bound
    unit: str
    description: str
    group: str
    label: str
    presets: Mapping[str, str]
    applies: Applies
    expert: bool
    editable: bool
    words: tuple[str, ...]
    pattern: str
    hint: str
    derived: tuple[str, Callable[[dict[str, Any]], Any]]
    awaits: str


@dataclass(frozen=True, kw_only=True)
class Knob:
    """All that is known about a setting besides its type, default and description."""

    env: str
    ge: Bound = None
    gt: Bound = None
    le: Bound = None
    lt: Bound = None
    unit: str = ""
    group: str = ""
    """Heading in the editor; empty means the section's title."""
    label: str = ""
    """Short name for people; empty derives it from the attribute."""
    presets: Mapping[str, str]
    """Preset name -> start value, spelled as the environment would."""
    applies: Applies = RESTART
    expert: bool = False
    editable: bool = True
    """False: never set over HTTP (addresses that are called with credentials, files that are written, where we listen)."""
    words: tuple[str, ...] = ()
    """Words allowed in place of a number; `None` is spelled as the first of them."""
    pattern: str = ""
    """What the whole text must match."""
    hint: str = ""
    """The pattern in words."""
    derived: str = ""
    """How the default is computed from other settings, for people."""
    awaits: str = ""
    """The feature that this setting waits for; empty when the setting takes effect today."""

    def __call__(self, schema: dict[str, Any]) -> None:
        """Add what is ours to the JSON schema of the field (pydantic calls this)."""
        schema["env"] = self.env
        if self.unit:
            schema["unit"] = self.unit

    def outside(self, value: float | Decimal) -> bool:
        """Whether a number is beyond the bounds; Python compares Decimal, float and int exactly."""
        return (
            (self.ge is not None and value < self.ge)
            or (self.gt is not None and value <= self.gt)
            or (self.le is not None and value > self.le)
            or (self.lt is not None and value >= self.lt)
        )


def knob(default: object, *, env: str, **options: Unpack[Options]) -> Any:
    """Declare a setting. The docstring below the field is its description.

    Args:
        default: the value as the environment would spell it, or a typed value.
        env: name of the variable; unique over all sections.
        options: see `Knob`. `derived=(text, function)` computes the default from the fields declared before it.
            `awaits="the feature"` marks a setting that is declared before its feature exists: drop the argument when it lands.
    """
    plain: dict[str, Any] = dict(options)
    text, function = plain.pop("derived", ("", None))
    description = plain.pop("description", None)
    extra = Knob(env=env, derived=text, presets=plain.pop("presets", {}), **plain)
    if function is not None:
        return Field(default_factory=function, description=description, json_schema_extra=extra)
    return Field(default=default, description=description, json_schema_extra=extra)


class Section(BaseModel):
    """A frozen group of settings. Logic takes the sections it needs as parameters."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
    )

    title: ClassVar[str] = ""

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The declarations by attribute name, in the order of the file.

        Raises:
            TypeError: a field was declared without `knob`.
        """
        return {name: cls.knob_of(name) for name in cls.model_fields}

    @classmethod
    def knob_of(cls, name: str) -> Knob:
        """The declaration of one attribute."""
        extra = cls.model_fields[name].json_schema_extra
        if not isinstance(extra, Knob):
            raise TypeError(f"{cls.__name__}.{name} must be declared with knob(...)")
        return extra

    @classmethod
    def is_secret(cls, name: str) -> bool:
        """Whether the attribute must never be shown."""
        annotation = cls.model_fields[name].annotation
        return SecretStr in (annotation, *get_args(annotation))

    @field_validator("*", mode="before")
    @classmethod
    def _readable(cls, value: object, info: ValidationInfo) -> object:
        """Refuse control characters; let choices be written in any case."""
        if not isinstance(value, str):
            return value
        return match_choice(no_control_characters(value), cls.model_fields[str(info.field_name)].annotation)

    @field_validator("*", mode="after")
    @classmethod
    def _as_declared(cls, value: object, info: ValidationInfo) -> object:
        """Hold the declared bounds and pattern."""
        declared = cls.knob_of(str(info.field_name))
        if isinstance(value, str) and declared.pattern and not re.fullmatch(declared.pattern, value):
            raise ValueError("does not match")
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and declared.outside(value):
            raise ValueError("out of bounds")
        return sensible_digits(value)

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        """Show values without secrets, and addresses without their passwords."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            yield name, shown_url(value) if type(value) is str else value
