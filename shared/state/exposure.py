"""Margin and risk of all entries of an account, reserved within caps in one atomic step."""

from shared.domain.errors import StateCorrupt
from shared.state.budget import whole
from shared.state.link import RedisPart
from shared.state.port import ExposureAnswer, ExposureCaps
from shared.state.store import MemoryPart


class RedisExposure(RedisPart):
    """The exposure book in Redis: one hash field per reservation, `margin|risk|symbol`."""

    async def exposure_reserve(
        self, reservation_id: str, symbol: str, *, margin_uusd: int, risk_uusd: int, caps: ExposureCaps
    ) -> ExposureAnswer:
        """See `State.exposure_reserve`."""
        amounts = (whole("margin", margin_uusd), whole("risk", risk_uusd))
        limits = (caps.margin_uusd, caps.risk_uusd, caps.max_open, caps.max_per_symbol)
        row = await self._link.script("exposure_reserve", (self._keys.exposure,), reservation_id, symbol, *amounts, *limits)
        granted, cap, margin, risk = row
        return ExposureAnswer(bool(granted), cap or None, int(margin), int(risk))

    async def exposure_release(self, reservation_id: str) -> None:
        """See `State.exposure_release`."""
        await self._link.call(lambda client: client.hdel(self._keys.exposure, reservation_id))

    async def exposure_entries(self) -> dict[str, tuple[str, int, int]]:
        """See `State.exposure_entries`."""
        rows = await self._link.call(lambda client: client.hgetall(self._keys.exposure))
        return {reservation_id: _parse(self._keys.exposure, reservation_id, text) for reservation_id, text in rows.items()}


def _parse(key: str, reservation_id: str, text: str) -> tuple[str, int, int]:
    try:
        margin, risk, symbol = text.split("|", 2)
        return symbol, int(margin), int(risk)
    except ValueError as error:
        raise StateCorrupt(f"expected margin|risk|symbol in {key} [{reservation_id}]: rebuild it") from error


class MemoryExposure(MemoryPart):
    """The exposure book in the memory store."""

    async def exposure_reserve(
        self, reservation_id: str, symbol: str, *, margin_uusd: int, risk_uusd: int, caps: ExposureCaps
    ) -> ExposureAnswer:
        """See `State.exposure_reserve`."""
        self._store.check()
        entries = self._store.exposure.setdefault(self._keys.exposure, {})
        margin, risk = sum(m for _, m, _ in entries.values()), sum(r for _, _, r in entries.values())
        if reservation_id in entries:
            return ExposureAnswer(granted=True, cap=None, margin_uusd=margin, risk_uusd=risk)
        after = (margin + whole("margin", margin_uusd), risk + whole("risk", risk_uusd))
        here = sum(1 for taken, _, _ in entries.values() if taken == symbol)
        refused = {
            "margin": after[0] > caps.margin_uusd,
            "risk": after[1] > caps.risk_uusd,
            "max_open": 0 < caps.max_open <= len(entries),
            "max_per_symbol": 0 < caps.max_per_symbol <= here,
        }
        cap = next((name for name, full in refused.items() if full), None)
        if cap is not None:
            return ExposureAnswer(granted=False, cap=cap, margin_uusd=margin, risk_uusd=risk)
        entries[reservation_id] = (symbol, margin_uusd, risk_uusd)
        return ExposureAnswer(granted=True, cap=None, margin_uusd=after[0], risk_uusd=after[1])

    async def exposure_release(self, reservation_id: str) -> None:
        """See `State.exposure_release`."""
        self._store.check()
        self._store.exposure.get(self._keys.exposure, {}).pop(reservation_id, None)

    async def exposure_entries(self) -> dict[str, tuple[str, int, int]]:
        """See `State.exposure_entries`."""
        self._store.check()
        return dict(self._store.exposure.get(self._keys.exposure, {}))
