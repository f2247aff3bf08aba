"""kill -9 while the snapshot is being written: the file is always whole, and never older than what was confirmed."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shared.state.state_file import StateFile, load

ROOT = Path(__file__).parents[2]
KILLS = 25
pytestmark = pytest.mark.integration


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "aster_state.json"
    dice = np.random.default_rng(7)
    newest = 0
    for _ in range(KILLS):
        argv = [sys.executable, "-P", "-m", "tests.chaos.snapshot_writer", str(path)]
        with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}) as writer:
            assert writer.stdout is not None
            confirmed = int(writer.stdout.readline())
            time.sleep(float(dice.uniform(0, 0.03)))
            writer.kill()
            confirmed = max([confirmed, *(int(line) for line in writer.stdout.read().splitlines())])
        found = load(path)
        values = set(found.sections["learning"]["n"]["v"])
        assert len(values) == 1
        assert values.pop() >= confirmed > newest
        assert found.serial >= confirmed
        newest = confirmed
        assert StateFile(path, "main").read().problems == ()
