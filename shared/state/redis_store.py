"""Present state in Redis: the real `State`."""

from shared.state.budget import RedisBudget
from shared.state.config_store import RedisConfig
from shared.state.control import RedisControl
from shared.state.documents import RedisDocuments
from shared.state.exposure import RedisExposure
from shared.state.keys import Keys
from shared.state.leases import RedisLeases
from shared.state.ledger import RedisLedger
from shared.state.link import RedisLink
from shared.state.permits import RedisPermits


class RedisState(RedisControl, RedisPermits, RedisLeases, RedisDocuments, RedisLedger, RedisBudget, RedisExposure, RedisConfig):
    """`State` of one account in Redis. No call takes longer than `timeout_s`.

    Connects with the first call. Belongs to the event loop that makes it.
    """

    def __init__(self, url: str, account: str, *, timeout_s: float = 1.0) -> None:
        super().__init__(RedisLink(url, timeout_s=timeout_s), Keys(account))

    async def ping(self) -> None:
        """See `State.ping`."""
        await self._link.call(lambda client: client.ping())

    async def close(self) -> None:
        """See `State.close`."""
        await self._link.close()
