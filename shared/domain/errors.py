"""Errors, by what to do about them.

MrasterError(code)              code: stable slug, used in logs, metrics, dead letters and the dashboard
├── Transient(retry_after_s)    try again later
│   ├── ExchangeUnavailable     the venue did not take the request
│   ├── RateLimited             the venue or our own budget said wait
│   ├── StoreUnavailable        Redis did not answer
│   ├── BusUnavailable          NATS did not answer
│   └── LlmUnavailable          the model did not answer
├── Permanent                   trying again changes nothing: dead letter
│   ├── ContractViolation       a message that does not fit its model
│   ├── UnknownInstrument       a symbol the venue does not list
│   └── OrderRejected           the venue refused, with its own code
├── OutcomeUnknown(client_id)   the request may or may not have been executed: ask, never resend
└── Fatal                       the process cannot go on: exit 1, restart is recovery
    ├── ConfigError             a setting is wrong
    ├── BusLost                 the connection to NATS is closed for good
    ├── StateCorrupt            stored state cannot be read
    ├── ClockSkew               our clock and the venue's cannot be brought together
    └── LeaseLost               another instance acts for this account now

A refusal by risk, filters or budget is not an error: it is a value with a reason.
"""


class MrasterError(Exception):
    """Root of all errors of the product; `code` is a stable slug."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class Transient(MrasterError):
    """Trying again later may succeed; `retry_after_s` is the earliest sensible wait."""

    code = "transient"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float = 0.0) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class ExchangeUnavailable(Transient):
    """The venue refused to take the request (connection refused, overload): it was not executed."""

    code = "exchange_unavailable"


class RateLimited(Transient):
    """A weight or order limit is used up; `retry_after_s` says for how long."""

    code = "rate_limited"


class StoreUnavailable(Transient):
    """Redis did not answer in time; whether a write happened is unknown, so scripts are idempotent."""

    code = "store_unavailable"


class BusUnavailable(Transient):
    """NATS did not confirm a publish in time."""

    code = "bus_unavailable"


class LlmUnavailable(Transient):
    """The model endpoint did not answer."""

    code = "llm_unavailable"


class Permanent(MrasterError):
    """Trying again changes nothing."""

    code = "permanent"


class ContractViolation(Permanent):
    """A message that does not fit its model."""

    code = "contract_violation"


class UnknownInstrument(Permanent):
    """A symbol that the venue does not list."""

    code = "unknown_instrument"


class OrderRejected(Permanent):
    """The venue refused an order; `venue_code` is its own error number (for example -2019)."""

    code = "order_rejected"

    def __init__(self, message: str, *, venue_code: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.venue_code = venue_code


class OutcomeUnknown(MrasterError):
    """The request may have been executed; `client_id` is what to ask the venue for. Never resend blindly."""

    code = "outcome_unknown"

    def __init__(self, message: str, *, client_id: str) -> None:
        super().__init__(message)
        self.client_id = client_id


class Fatal(MrasterError):
    """The process cannot go on."""

    code = "fatal"


class ConfigError(Fatal):
    """One or more settings are wrong; the message lists all of them."""

    code = "config_error"


class BusLost(Fatal):
    """The connection to NATS is closed for good."""

    code = "bus_lost"


class StateCorrupt(Fatal):
    """Stored state cannot be read; it is kept aside, never overwritten."""

    code = "state_corrupt"


class ClockSkew(Fatal):
    """Our clock and the venue's cannot be brought together."""

    code = "clock_skew"


class LeaseLost(Fatal):
    """Another instance acts for this account now."""

    code = "lease_lost"
