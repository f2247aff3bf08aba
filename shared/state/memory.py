"""Present state in memory: the twin of `RedisState` for tests and single-process runs."""

from shared.state.budget import MemoryBudget
from shared.state.config_store import MemoryConfig
from shared.state.control import MemoryControl
from shared.state.documents import MemoryDocuments
from shared.state.exposure import MemoryExposure
from shared.state.keys import Keys
from shared.state.leases import MemoryLeases
from shared.state.ledger import MemoryLedger
from shared.state.permits import MemoryPermits
from shared.state.store import MemoryStore


class MemoryState(MemoryControl, MemoryPermits, MemoryLeases, MemoryDocuments, MemoryLedger, MemoryBudget, MemoryExposure, MemoryConfig):
    """`State` of one account in a `MemoryStore`; instances that share the store meet."""

    def __init__(self, store: MemoryStore, account: str = "main") -> None:
        super().__init__(store, Keys(account))

    async def ping(self) -> None:
        """See `State.ping`."""
        self._store.check()

    async def close(self) -> None:
        """Nothing to close."""
