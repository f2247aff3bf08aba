"""Aster's third generation of authentication: no key, a signature of an agent wallet (EIP-712) and a nonce in microseconds.

Source: the venue's notes on V3 in the client facts: domain AsterSignTransaction, version 1, chain 1666, primary type Message with
one text `msg` that holds the parameters exactly as transmitted, without the signature.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from services.paper_exchange.auth import Raw, Times, signed_payload
from services.paper_exchange.logic.entities import Account
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import reject

CHAIN_ID = 1666
_WINDOW_MS = 60_000
_KEPT = 100
_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Message": [{"name": "msg", "type": "string"}],
}
_DOMAIN = {"name": "AsterSignTransaction", "version": "1", "chainId": CHAIN_ID, "verifyingContract": "0x" + "0" * 40}
_SIGNATURE = re.compile(r"(0x)?[0-9a-fA-F]{130}")


def typed_message(payload: bytes) -> dict[str, Any]:
    """The typed data that a wallet signs for a request."""
    return {"types": _TYPES, "primaryType": "Message", "domain": _DOMAIN, "message": {"msg": payload.decode("utf-8", "replace")}}


def private_key(secret: str) -> str:
    """The agent wallet's private key of an account: its secret when that is one (64 hex digits), else the SHA-256 of the secret."""
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", secret):
        return secret
    return "0x" + hashlib.sha256(secret.encode()).hexdigest()


class WalletAuth:
    """Knows the wallets of the accounts and the nonces that were used."""

    def __init__(self) -> None:
        # Both take a second to import and are needed by this dialect only.
        from eth_account import Account as Wallet  # noqa: PLC0415
        from eth_account.messages import encode_typed_data  # noqa: PLC0415

        self._wallet = Wallet
        self._encode = encode_typed_data
        self._addresses: dict[str, str] = {}
        self._nonces: dict[str, list[int]] = {}

    def address(self, account: Account) -> str:
        """The agent wallet's address of an account, in lower case."""
        found = self._addresses.get(account.secret)
        if found is None:
            found = str(self._wallet.from_key(private_key(account.secret)).address).lower()
            self._addresses[account.secret] = found
        return found

    def identify(self, raw: Raw, params: Params, accounts: Iterable[Account], times: Times) -> Account:
        """The account that signed a request (-1102, -1022, -2015, -4225)."""
        signer, nonce = params.need("signer").lower(), params.integer("nonce")
        if nonce is None:
            raise reject(-1102, name="nonce")
        account = next((item for item in accounts if self.address(item) == signer), None)
        if account is None:
            raise reject(-2015)
        signature = params.need("signature")
        if not _SIGNATURE.fullmatch(signature) or self._recover(raw, signature) != signer:
            raise reject(-1022)
        self._burn(signer, nonce, times)
        return account

    def _recover(self, raw: Raw, signature: str) -> str:
        message = self._encode(full_message=typed_message(signed_payload(raw)))
        text = signature if signature.startswith("0x") else f"0x{signature}"
        try:
            return str(self._wallet.recover_message(message, signature=text)).lower()
        except Exception:  # noqa: BLE001 - whatever the library calls a broken signature, it is not this signer's
            return ""

    def _burn(self, signer: str, nonce: int, times: Times) -> None:
        """A nonce counts once, within a minute of now, and not below the smallest of the hundred that are kept."""
        used = self._nonces.setdefault(signer, [])
        fresh = times.fits(nonce // 1000, _WINDOW_MS, _WINDOW_MS + 1)
        if not fresh or nonce in used or (len(used) >= _KEPT and nonce < used[0]):
            raise reject(-4225)
        used.append(nonce)
        used.sort()
        del used[:-_KEPT]
