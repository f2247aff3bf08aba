"""Signed reads of the paper venue, for checks against what the services say."""

from collections import Counter
from typing import Any

import httpx

from shared.exchange.signing import HmacSigner


class AccountReader:
    """The paper account as the venue has it."""

    def __init__(self, client: httpx.AsyncClient, venue: str) -> None:
        self._client = client
        self._venue = venue
        self._signer = HmacSigner("paper-key", "paper-secret")

    async def read(self, path: str, **params: str) -> Any:
        """A signed GET."""
        now = (await self._client.get(f"{self._venue}/fapi/v1/time")).json()["serverTime"]
        query = self._signer.sign(tuple(params.items()), timestamp_ms=now, recv_window_ms=60_000)
        answer = await self._client.get(f"{self._venue}{path}?{query}", headers=self._signer.headers())
        answer.raise_for_status()
        return answer.json()

    async def account(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.read("/fapi/v3/account")
        return found

    async def positions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.read("/fapi/v3/positionRisk")
        return [row for row in found if float(row["positionAmt"]) != 0]

    async def income(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.read("/fapi/v1/income", limit="1000")
        return found

    async def open_stops(self) -> Counter[str]:
        """Resting stops by symbol."""
        return Counter(row["symbol"] for row in await self.read("/fapi/v1/openAlgoOrders") if row["orderType"] == "STOP_MARKET")
