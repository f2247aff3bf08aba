"""How long something must be seen before the guard acts: reads are snapshots, and the executor is at work too."""

from dataclasses import dataclass, field

from services.bracket_guard.logic.diff import Repair, RepairKind

GRACE_S = {
    RepairKind.PLACE_STOP: 0.7,
    RepairKind.PLACE_TARGET: 3.0,
    RepairKind.CANCEL_DUPLICATE: 1.5,
    RepairKind.CANCEL_ORPHAN: 1.5,
}
"""Seconds of our time: the executor places the first bracket well within the first; a missing target is no danger."""


@dataclass(slots=True)
class Doubts:
    """Since when each repair has been due; a repair that a complete read no longer shows is forgotten."""

    _since_s: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def due(self, symbol: str, repairs: list[Repair], now_s: float) -> list[Repair]:
        """The repairs that were already due in an earlier read and are old enough by now."""
        keys = {self._key(repair): repair for repair in repairs}
        for key in [k for k in self._since_s if k[0] == symbol and k not in keys]:
            del self._since_s[key]
        ready = []
        for key, repair in keys.items():
            since = self._since_s.get(key)
            if since is None:
                self._since_s[key] = now_s
            elif now_s - since >= GRACE_S[repair.kind]:
                ready.append(repair)
        return ready

    def since_s(self, symbol: str, kind: RepairKind) -> float | None:
        """When a kind of repair was first seen for a symbol."""
        times = [t for (s, k, _), t in self._since_s.items() if s == symbol and k == kind.value]
        return min(times, default=None)

    def forget(self, repair: Repair) -> None:
        """It was done: start anew when it shows again."""
        self._since_s.pop(self._key(repair), None)

    @property
    def any(self) -> bool:
        """Whether something is due."""
        return bool(self._since_s)

    @property
    def symbols(self) -> set[str]:
        """Symbols with something due."""
        return {symbol for symbol, _, _ in self._since_s}

    @staticmethod
    def _key(repair: Repair) -> tuple[str, str, str]:
        return (repair.symbol, repair.kind.value, "" if repair.order is None else str(repair.order.order_id))
