"""The recorded payloads, found through MRASTER_TEST_DATA; nothing of them is kept in this repository."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = os.environ.get("MRASTER_TEST_DATA")  # noqa: TID251 - the one thing that tests take from the environment
MISSING = pytest.mark.skipif(ROOT is None, reason="MRASTER_TEST_DATA is not set: the recorded payloads are not at hand")


def names(kind: str) -> list[str]:
    """Names of the payloads of a kind, "rest" or "ws"; none without the recordings."""
    return [] if ROOT is None else sorted(path.stem for path in (Path(ROOT) / "fixtures" / kind).glob("*.json"))


def load(kind: str, name: str) -> dict[str, Any]:
    """One recording, taken apart."""
    assert ROOT is not None
    recording: dict[str, Any] = orjson.loads((Path(ROOT) / "fixtures" / kind / f"{name}.json").read_bytes())
    return recording


def read(*parts: str) -> bytes:
    """Another file of the recordings."""
    assert ROOT is not None
    return Path(ROOT, *parts).read_bytes()
