"""Every Redis key of the product: `mr:<account>:…`, one owner each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one account. Owners: see each name."""

    account: str

    def _key(self, *parts: str) -> str:
        return ":".join(("mr", self.account, *parts))

    @property
    def control(self) -> str:
        """Trading state and epoch (the control script)."""
        return self._key("control")

    @property
    def account_view(self) -> str:
        """Equity and balances (executor)."""
        return self._key("account")

    @property
    def intents(self) -> str:
        """Hash of unfinished and recent intents (executor)."""
        return self._key("intent")

    @property
    def positions(self) -> str:
        """Hash of open positions by symbol (executor)."""
        return self._key("position")

    @property
    def closing(self) -> str:
        """Hash of closed positions whose end is not announced yet, by position id (executor)."""
        return self._key("position", "closing")

    @property
    def brackets(self) -> str:
        """Hash of desired brackets by symbol (bracket_guard)."""
        return self._key("bracket")

    @property
    def sentinel(self) -> str:
        """Hash of event risk by symbol (sentinel)."""
        return self._key("sentinel")

    @property
    def universe(self) -> str:
        """What the scanner watches (scanner)."""
        return self._key("universe")

    @property
    def config(self) -> str:
        """Setting overrides with their revision (dashboard)."""
        return self._key("config")

    @property
    def config_history(self) -> str:
        """List of past revisions (dashboard)."""
        return self._key("config", "history")

    @property
    def exposure(self) -> str:
        """Hash of exposure reservations (executor)."""
        return self._key("exposure")

    @property
    def learning(self) -> str:
        """Hash of learning stores with a version each (advisor leader)."""
        return self._key("learning")

    @property
    def doctor(self) -> str:
        """What the checks for trading real money said last (`mraster doctor`)."""
        return self._key("doctor")

    def ledger(self, durable: str, message_id: str) -> str:
        """What an effectful handler already did with a message (the handler's service)."""
        return self._key("ledger", durable, message_id)

    def budget(self, day: str) -> str:
        """LLM spend of a UTC day (the budget script)."""
        return self._key("budget", day)

    def reservation(self, reservation_id: str) -> str:
        """One budget reservation (the budget script)."""
        return self._key("budget", "reservation", reservation_id)

    @property
    def open_reservations(self) -> str:
        """Budget reservations that are not settled, by expiry (the budget script)."""
        return self._key("budget", "open")

    def lease(self, role: str) -> str:
        """Holder and token of a lease (runtime)."""
        return self._key("lease", role)

    def fence(self, role: str) -> str:
        """The fencing counter of a lease; never expires (runtime)."""
        return self._key("fence", role)

    def members(self, service: str) -> str:
        """Live members of a sharded service by expiry (runtime)."""
        return self._key("members", service)

    @property
    def vault(self) -> str:
        """Encrypted credentials (dashboard)."""
        return self._key("vault")
