"""Request parameters: everything arrives as text, and what is wrong with it gets the venue's code."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from services.paper_exchange.logic.reject import reject

_DECIMAL = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})")
_INTEGER = re.compile(r"[+-]?\d{1,19}")
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")


class Params:
    """The parameters of one request. An empty value counts as not sent, as on the venue."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return bool(self._values.get(name))

    def text(self, name: str) -> str | None:
        """A text, or None when not sent."""
        return self._values.get(name) or None

    def need(self, name: str) -> str:
        """A text that must be there (-1102)."""
        value = self.text(name)
        if value is None:
            raise reject(-1102, name=name)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number (-1102 when it is not one)."""
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise reject(-1102, name=name)
        return int(value)

    def bounded(self, name: str, default: int, most: int) -> int:
        """A limit between 1 and `most` (-1130 outside)."""
        value = self.integer(name)
        if value is None:
            return default
        if not 1 <= value <= most:
            raise reject(-1130, name=name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """A plain decimal number without exponent (-1100 when it is not one)."""
        value = self.text(name)
        if value is None:
            return None
        if not _DECIMAL.fullmatch(value):
            raise reject(-1100, name=name, legal=r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
        try:
            return Decimal(value)
        except InvalidOperation as error:
            raise reject(-1102, name=name) from error

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false in any case (-1102 otherwise)."""
        value = self.text(name)
        if value is None:
            return default
        word = value.lower()
        if word not in {"true", "false"}:
            raise reject(-1102, name=name)
        return word == "true"

    def client_id(self, name: str) -> str | None:
        """An id chosen by the client: 1 to 36 characters of `.A-Z:/a-z0-9_-` (-4015)."""
        value = self.text(name)
        if value is not None and not _CLIENT_ID.fullmatch(value):
            raise reject(-4015)
        return value

    def symbol(self) -> str:
        """The mandatory symbol in upper case (the venue takes lower case too)."""
        return self.need("symbol").upper()

    def values(self) -> Mapping[str, str]:
        """Everything that was sent."""
        return self._values
