"""Credentials, encrypted at rest. `VaultWriter` only writes; `VaultReader` is for services that need what is inside.

AES-256-GCM with a fresh nonce for each value; account and name are authenticated, so that a ciphertext cannot be moved to
another place.
"""

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from shared.domain.errors import ConfigError, StateCorrupt
from shared.state.keys import Keys
from shared.state.port import State

_KEY_BYTES = 32
_NONCE_BYTES = 12


def create_key_file(path: Path) -> None:
    """A new random key in a file that only its owner may read. An existing file is kept (FileExistsError)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")


def read_key(source: Path | bytes) -> bytes:
    """The key from a file (or its content): 32 bytes, as they are or in URL-safe base64.

    Raises:
        ConfigError: the file cannot be read or holds no such key.
    """
    content = source if isinstance(source, bytes) else _read(source)
    if len(content) == _KEY_BYTES:
        return content
    try:
        key = base64.urlsafe_b64decode(content.strip())
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError("expected a vault key of 32 bytes, plain or in URL-safe base64")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the vault key from {path}: {error.strerror}; create it or correct the path") from error


class _Vault:
    def __init__(self, state: State, account: str, key: Path | bytes) -> None:
        self._state = state
        self._account = account
        self._hash = Keys(account).vault
        self._cipher = AESGCM(read_key(key))

    def _context(self, name: str) -> bytes:
        return f"{self._account}\0{name}".encode()


class VaultWriter(_Vault):
    """Puts credentials in and tells their names; it gives no value back."""

    async def put(self, name: str, value: SecretStr, *, now_ms: int) -> None:
        """Store or replace one credential."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, value.get_secret_value().encode(), self._context(name))
        await self._state.put(self._hash, name, {"sealed": base64.b64encode(sealed).decode(), "changed_ms": now_ms})

    async def remove(self, name: str) -> None:
        """Forget one credential."""
        await self._state.drop(self._hash, name)

    async def names(self) -> dict[str, int]:
        """Names of what is stored, with the time of the last change in epoch milliseconds."""
        return {name: int(entry.get("changed_ms", 0)) for name, entry in (await self._state.get_all(self._hash)).items()}


class VaultReader(_Vault):
    """Gives credentials to services that hold the key."""

    async def get(self, name: str) -> SecretStr | None:
        """One credential, None when it was never stored.

        Raises:
            StateCorrupt: it was sealed with another key, for another account or name, or was changed.
        """
        entry = await self._state.get(self._hash, name)
        if entry is None:
            return None
        try:
            sealed = base64.b64decode(entry["sealed"], validate=True)
            opened = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._context(name))
            return SecretStr(opened.decode())
        except (KeyError, TypeError, ValueError, InvalidTag) as error:
            raise StateCorrupt(f"cannot open the credential {name}: sealed with another key, or changed; store it again") from error
