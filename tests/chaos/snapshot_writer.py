"""Writes snapshots without a pause until it is killed: `python -P -m tests.chaos.snapshot_writer FILE`."""

import sys
from pathlib import Path

from shared.state.snapshot import Snapshot
from shared.state.state_file import StateFile, load


def main() -> None:
    """Each file holds its own number many times."""
    path = Path(sys.argv[1])
    file = StateFile(path, "main")
    number = load(path).sections["learning"]["n"]["v"][0] if path.exists() else 0
    while True:
        number += 1
        sections = {"learning": {"n": {"v": [number] * 20_000}}}
        file.write(Snapshot(account="main", written_ms=1, writer="writer", serial=0, sections=sections))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
