"""Listen keys of the user streams: one per account, valid for 60 minutes by this machine's clock.

The clock is the machine's, not the venue's: on a fast replay clients renew by their own time, and an hour of venue time may
pass in seconds.
"""

import hashlib
from dataclasses import dataclass

from services.paper_exchange.wall import Wall

VALID_S = 3600.0


@dataclass(slots=True)
class _Key:
    text: str
    until_s: float


class ListenKeys:
    """Opens, renews, closes and expires keys."""

    def __init__(self, wall: Wall, seed: int) -> None:
        self._wall = wall
        self._seed = seed
        self._count = 0
        self._keys: dict[str, _Key] = {}

    def open(self, account: str) -> str:
        """The account's key, the same while one is valid; 64 characters."""
        now = self._wall.monotonic_s()
        found = self._keys.get(account)
        if found is None or found.until_s <= now:
            self._count += 1
            text = hashlib.sha256(f"{self._seed}:{account}:{self._count}".encode()).hexdigest()
            found = self._keys[account] = _Key(text, now)
        found.until_s = now + VALID_S
        return found.text

    def renew(self, account: str) -> str | None:
        """Another 60 minutes; None when the account has no valid key."""
        found = self._keys.get(account)
        if found is None or found.until_s <= self._wall.monotonic_s():
            return None
        found.until_s = self._wall.monotonic_s() + VALID_S
        return found.text

    def close(self, account: str) -> None:
        """Forget the account's key."""
        self._keys.pop(account, None)

    def current(self, account: str) -> str | None:
        """The valid key of an account."""
        found = self._keys.get(account)
        return found.text if found is not None and found.until_s > self._wall.monotonic_s() else None

    def take_expired(self) -> list[tuple[str, str]]:
        """(account, key) of keys that ran out since the last call."""
        now = self._wall.monotonic_s()
        gone = [(account, key.text) for account, key in self._keys.items() if key.until_s <= now]
        for account, _ in gone:
            del self._keys[account]
        return gone

    def expire_all(self) -> None:
        """Let every key run out now (a fault)."""
        for key in self._keys.values():
            key.until_s = 0.0
