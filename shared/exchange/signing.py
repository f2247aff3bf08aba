"""Proving who sends a request. The string that is signed is the string that is sent."""

import hmac
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import quote

Params = Sequence[tuple[str, str]]
"""Parameters in the order in which they are sent."""


def encode(params: Params) -> str:
    """`a=1&b=2` with everything but unreserved characters percent-encoded, so that no HTTP client changes it again."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in params)


class Signer(Protocol):
    """A way to sign requests."""

    def sign(self, params: Params, *, timestamp_ms: int, recv_window_ms: int) -> str:
        """The complete encoded parameter string, signature included."""
        ...

    def headers(self) -> dict[str, str]:
        """Headers that name the key; the only proof that listen-key requests need on some venues."""
        ...


class HmacSigner:
    """API key and secret: HMAC-SHA256 over the parameter string, in lower-case hex.

    Example: `symbol=BTCUSDT&recvWindow=5000&timestamp=1700000000000&signature=<64 hex digits>`.
    """

    def __init__(self, api_key: str, secret: str) -> None:
        self._api_key = api_key
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "HmacSigner()"

    def sign(self, params: Params, *, timestamp_ms: int, recv_window_ms: int) -> str:
        """Append recvWindow, timestamp and signature."""
        base = encode(params)
        text = f"{base}{'&' if base else ''}recvWindow={recv_window_ms}&timestamp={timestamp_ms}"
        return f"{text}&signature={self.signature(text)}"

    def signature(self, text: str) -> str:
        """HMAC-SHA256 of a parameter string."""
        return hmac.digest(self._secret, text.encode(), "sha256").hex()

    def headers(self) -> dict[str, str]:
        """The key's header."""
        return {"X-MBX-APIKEY": self._api_key}


class Eip712Signer:
    """An agent wallet that signs the parameter string as EIP-712 typed data (Aster V3).

    Share one signer among all tasks of a process: its nonces, microseconds of venue time, are strictly increasing.
    """

    def __init__(self, private_key: str, *, user: str | None = None, chain_id: int) -> None:
        # the library costs tens of megabytes; processes that trade elsewhere do not pay for it
        from eth_account import Account  # noqa: PLC0415
        from eth_account.messages import encode_typed_data  # noqa: PLC0415

        self._account = Account.from_key(private_key)
        self._encode_typed_data = encode_typed_data
        self._user = user
        self._chain_id = chain_id
        self._nonce = 0

    def __repr__(self) -> str:
        return f"Eip712Signer({self._account.address})"

    @property
    def address(self) -> str:
        """The agent wallet's address."""
        return str(self._account.address)

    def next_nonce(self, timestamp_ms: int) -> int:
        """Microseconds of venue time, or one more than the last nonce."""
        self._nonce = max(self._nonce + 1, timestamp_ms * 1000)
        return self._nonce

    def sign(self, params: Params, *, timestamp_ms: int, recv_window_ms: int) -> str:  # noqa: ARG002 - this scheme has no window
        """Append nonce, user, signer and signature."""
        extra = [("nonce", str(self.next_nonce(timestamp_ms)))]
        if self._user:
            extra.append(("user", self._user))
        extra.append(("signer", self.address))
        text = encode([*params, *extra])
        signed = self._account.sign_message(self._typed(text))
        return f"{text}&signature=0x{bytes(signed.signature).hex()}"

    def headers(self) -> dict[str, str]:
        """No header names the key here."""
        return {}

    def _typed(self, text: str) -> Any:
        """The parameter string as the venue's typed message."""
        return self._encode_typed_data(
            domain_data={
                "name": "AsterSignTransaction",
                "version": "1",
                "chainId": self._chain_id,
                "verifyingContract": "0x0000000000000000000000000000000000000000",
            },
            message_types={"Message": [{"name": "msg", "type": "string"}]},
            message_data={"msg": text},
        )
