import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from services.supervisor.child import Child
from services.supervisor.console import Console
from services.supervisor.lines import Style
from services.supervisor.spec import LogFormat, ProcessSpec, Stage
from tests.fakes.eventually import eventually

Make = Callable[..., Child]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Children that run a piece of Python; whatever a test leaves behind is ended."""
    console = Console(Style(("child",), colour=False), tmp_path, lambda: "12:00:00", io.StringIO())
    tasks: list[asyncio.Task[None]] = []
    children: list[Child] = []

    def start(code: str, *, stage: Stage = Stage.SERVICES, once: bool = False, grace_s: float = 5.0) -> Child:
        spec = ProcessSpec(
            name="child",
            stage=stage,
            argv=(sys.executable, "-c", code),
            environment={"PATH": "/usr/bin:/bin"},
            log_format=LogFormat.JSON,
            folder=tmp_path,
            port=0,
            grace_s=grace_s,
            once=once,
        )
        child = Child(spec, console, lambda: None)
        children.append(child)
        tasks.append(asyncio.create_task(child.live()))
        return child

    yield start
    for child in children:
        child.kill()
    await asyncio.gather(*tasks)
    console.close()


async def test_ended_process_is_started_again(make: Make) -> None:
    child = make("raise SystemExit(3)")
    await eventually(lambda: child.lives >= 2, within_s=10)
    assert child.last_exit == "exit 3"


async def test_work_that_is_done_is_not_repeated(make: Make) -> None:
    child = make("print('done')", once=True)
    await asyncio.wait_for(child.done.wait(), 10)
    assert (child.lives, child.last_code) == (1, 0)


async def test_wrong_settings_are_not_tried_again_during_the_start(make: Make) -> None:
    child = make("import sys; sys.stderr.write('ASTER_X: wrong\\n'); sys.exit(2)")
    await asyncio.wait_for(child.done.wait(), 10)
    assert child.gave_up()
    assert list(child.last_words) == ["ASTER_X: wrong"]


async def test_stop_lets_it_finish(make: Make, tmp_path: Path) -> None:
    code = "import signal, sys, time, pathlib\ndef end(*_): pathlib.Path('drained').touch(); sys.exit(0)\nsignal.signal(signal.SIGTERM, end)\npathlib.Path('up').touch()\ntime.sleep(60)"
    child = make(code)
    await eventually((tmp_path / "up").exists, within_s=10)
    child.stop()
    await child.ended()
    assert (tmp_path / "drained").exists()
    assert (child.last_code, child.lives) == (0, 1)


async def test_one_that_does_not_end_is_killed_with_what_it_started(make: Make, tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time, pathlib\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path('grandchild').write_text(str(p.pid))\ntime.sleep(60)"
    )
    child = make(code, grace_s=0.3)
    await eventually(lambda: (tmp_path / "grandchild").exists() and (tmp_path / "grandchild").read_text(), within_s=10)
    grandchild = int((tmp_path / "grandchild").read_text())
    child.stop()
    await child.ended()
    assert child.last_exit == "killed by SIGKILL"
    await eventually(lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE, within_s=5)


async def test_stop_during_the_pause_before_a_new_life(make: Make) -> None:
    child = make("raise SystemExit(1)")
    await eventually(lambda: child.lives >= 1 and child.pid == 0, within_s=10)
    child.stop()
    await asyncio.wait_for(child.ended(), 5)


async def test_program_that_does_not_exist_is_reported(make: Make) -> None:
    child = make("import os; os.execv('/no/such/program', ['x'])", stage=Stage.VENUE)
    await asyncio.wait_for(child.done.wait(), 10)
    assert any("FileNotFoundError" in line for line in child.last_words)


async def test_output_without_line_ends_and_with_junk_is_cut_and_kept(make: Make, tmp_path: Path) -> None:
    child = make("import sys; sys.stdout.buffer.write(b'\\xff\\xfe' + b'x' * 2_500_000); sys.exit(0)", once=True)
    await asyncio.wait_for(child.done.wait(), 20)
    assert (tmp_path / "child.log").stat().st_size > 2_400_000


async def test_stdin_is_not_shared(make: Make) -> None:
    child = make("import sys; sys.exit(0 if sys.stdin.read() == '' else 1)", once=True)
    await asyncio.wait_for(child.done.wait(), 10)
    assert child.last_code == 0


async def test_it_leads_a_group_of_its_own(make: Make) -> None:
    child = make("import time; time.sleep(60)")
    await eventually(lambda: child.pid, within_s=5)
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
