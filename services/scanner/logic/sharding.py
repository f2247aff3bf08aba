"""Which live scanner owns a symbol."""

import hashlib
from collections.abc import Iterable, Sequence


def owner(symbol: str, members: Sequence[str]) -> str:
    """The member with the highest hash for the symbol (rendezvous hashing), the same whatever the order of `members`.

    When a member joins or leaves, only the symbols that it gets or had change hands.

    Raises:
        ValueError: there is no member.
    """
    if not members:
        raise ValueError("expected at least one live member")
    return max(members, key=lambda member: (_score(symbol, member), member))


def owned(symbols: Iterable[str], member: str, members: Sequence[str]) -> tuple[str, ...]:
    """The symbols of one member, in their order."""
    return tuple(symbol for symbol in symbols if owner(symbol, members) == member)


def _score(symbol: str, member: str) -> bytes:
    return hashlib.blake2b(f"{member}\x00{symbol}".encode(), digest_size=8).digest()
