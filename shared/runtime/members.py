"""The live members of a sharded service: announced in Redis, gone after their TTL."""

from shared.domain.errors import StoreUnavailable
from shared.runtime.context import Context

TTL_MS = 3_000
REFRESH_S = 1.0


class Members:
    """Announces this instance and knows the others. While Redis is down the last known list stays in force."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.live: tuple[str, ...] = (ctx.producer.instance,)

    async def refresh(self) -> bool:
        """Announce this instance; True when the list changed."""
        try:
            live = await self._ctx.state.join(self._ctx.producer.service, self._ctx.producer.instance, TTL_MS)
        except StoreUnavailable as error:
            self._ctx.log.warning("members_unknown", detail=str(error))
            return False
        changed = live != self.live
        self.live = live
        return changed

    async def leave(self) -> None:
        """Take this instance off, so that the others take over at once."""
        await self._ctx.state.leave(self._ctx.producer.service, self._ctx.producer.instance)
