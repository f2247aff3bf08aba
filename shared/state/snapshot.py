"""The state snapshot as bytes: what it says about itself, a checksum over what it holds, and who may read it.

One JSON object: kind, version, account, when and by whom it was written, a serial that grows with every writing, `sha256` over
the sections as compact JSON with sorted keys, and the sections. Numbers come back exactly.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain.errors import Permanent

KIND, VERSION = "mraster-state", 1
_ORIGINAL_PARTS = {"trade_history", "live_trades", "decision_stats", "ai_activity", "fast_tp_cooldown", "fail_skip_until"}


class Flaw(StrEnum):
    """Why a file cannot be used: broken, of a newer program, of another account, of the original bot."""

    CORRUPT = "corrupt"
    NEWER = "newer"
    FOREIGN = "foreign"
    ORIGINAL = "original"


class SnapshotUnusable(Permanent):
    """A file that must neither be used nor be overwritten."""

    code = "snapshot_unusable"

    def __init__(self, flaw: Flaw, message: str) -> None:
        super().__init__(message, code=f"snapshot_{flaw.value}")
        self.flaw = flaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`sections` by name, each a mapping of documents (JSON types). `written_ms` is wall time, `serial` counts writings."""

    account: str
    written_ms: int
    writer: str
    serial: int
    sections: Mapping[str, Mapping[str, Any]]


class _Document(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    kind: Literal["mraster-state"]
    version: Literal[1]
    account: Annotated[str, Field(min_length=1, max_length=100)]
    written_ms: Annotated[int, Field(ge=0)]
    writer: str
    serial: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    sections: dict[str, dict[str, Any]]


def encode(snapshot: Snapshot) -> bytes:
    """The file of a snapshot.

    Raises:
        TypeError: it holds something that JSON has no form for.
    """
    body = _canonical(snapshot.sections)
    head = {
        "kind": KIND,
        "version": VERSION,
        "account": snapshot.account,
        "written_ms": snapshot.written_ms,
        "writer": snapshot.writer,
        "serial": snapshot.serial,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return orjson.dumps(head)[:-1] + b',"sections":' + body + b"}\n"


def decode(data: bytes) -> Snapshot:
    """The snapshot of a file.

    Raises:
        SnapshotUnusable: it is broken, from a newer program, or something else; the message says what to do.
    """
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise SnapshotUnusable(
            Flaw.CORRUPT, f"expected JSON, found something else ({error}): use the previous file or an export"
        ) from error
    _check_kind(found)
    try:
        document = _Document.model_validate(found)
        body = _canonical(document.sections)
    except (ValidationError, TypeError) as error:
        raise SnapshotUnusable(Flaw.CORRUPT, f"expected the parts of a snapshot ({_first(error)}): use the previous file") from error
    if hashlib.sha256(body).hexdigest() != document.sha256:
        raise SnapshotUnusable(Flaw.CORRUPT, "its checksum does not fit what it holds: use the previous file or an export")
    return Snapshot(
        account=document.account,
        written_ms=document.written_ms,
        writer=document.writer,
        serial=document.serial,
        sections=document.sections,
    )


def for_account(snapshot: Snapshot, account: str) -> Snapshot:
    """The snapshot, if it is this account's.

    Raises:
        SnapshotUnusable: it is another account's.
    """
    if snapshot.account != account:
        raise SnapshotUnusable(Flaw.FOREIGN, f"expected a snapshot of account {account!r}, found one of {snapshot.account[:40]!r}")
    return snapshot


def _check_kind(found: object) -> None:
    """It says that it is a snapshot of a version that we know."""
    if not isinstance(found, dict):
        raise SnapshotUnusable(Flaw.CORRUPT, f"expected a JSON object, found a {type(found).__name__}")
    if "kind" not in found and _ORIGINAL_PARTS & set(found):
        raise SnapshotUnusable(Flaw.ORIGINAL, "this is the state of the original bot: `mraster import FILE` takes its trades over")
    kind, version = found.get("kind"), found.get("version")
    if kind != KIND or isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise SnapshotUnusable(
            Flaw.CORRUPT, f"expected kind {KIND!r} and a version, found {str(kind)[:40]!r} version {str(version)[:40]!r}"
        )
    if version > VERSION:
        raise SnapshotUnusable(Flaw.NEWER, f"it was written by a newer MrAster (version {version}, this one reads {VERSION}): use that one")


def _canonical(sections: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The bytes that the checksum is about."""
    return orjson.dumps({name: dict(section) for name, section in sections.items()}, option=orjson.OPT_SORT_KEYS)


def _first(error: Exception) -> str:
    """One line about what is wrong."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"[:200]
    return str(error)[:200]
