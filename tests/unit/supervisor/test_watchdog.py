import asyncio
import io
import sys
from pathlib import Path

import httpx

from services.supervisor.child import Child
from services.supervisor.console import Console
from services.supervisor.lines import Style
from services.supervisor.memory import resident, together
from services.supervisor.spec import LogFormat, ProcessSpec, Stage
from services.supervisor.watchdog import Watchdog
from tests.fakes.eventually import eventually
from tests.fakes.servers import free_port

SERVER = """
import http.server, sys
class Probe(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({code}); self.end_headers(); self.wfile.write(b"{{}}")
http.server.HTTPServer(("127.0.0.1", {port}), Probe).serve_forever()
"""


def child_of(code: str, port: int, folder: Path, console: Console) -> Child:
    spec = ProcessSpec(
        name="child",
        stage=Stage.SERVICES,
        argv=(sys.executable, "-c", code),
        environment={},
        log_format=LogFormat.JSON,
        folder=folder,
        port=port,
        grace_s=0.5,
    )
    return Child(spec, console, lambda: None)


async def watched(child: Child, seconds: float) -> None:
    """Live under a watchdog for a while, or until it is started again."""
    console = child._console
    living = asyncio.create_task(child.live())
    try:
        async with httpx.AsyncClient() as client:
            watching = asyncio.create_task(Watchdog([child], console, look_s=0.1, frozen_s=1.0).watch(client))
            try:
                await eventually(lambda: child.lives >= 2, within_s=seconds)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
    finally:
        child.kill()
        await living
        console.close()


async def test_process_that_does_not_answer_is_started_again(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(Style(("child",), colour=False), tmp_path, lambda: "12:00:00", out)
    child = child_of("import time; time.sleep(60)", free_port(), tmp_path, console)
    await watched(child, 20)
    assert "process_frozen  process=child" in out.getvalue()


async def test_unhappy_answer_is_an_answer(tmp_path: Path) -> None:
    port = free_port()
    console = Console(Style(("child",), colour=False), tmp_path, lambda: "12:00:00", io.StringIO())
    child = child_of(SERVER.format(port=port, code=503), port, tmp_path, console)
    try:
        await watched(child, 3)
    except AssertionError as error:
        assert "not within" in str(error)  # noqa: PT017 - nothing happened, as it should be
    assert child.lives == 1


def test_memory_of_those_who_run() -> None:
    import os  # noqa: PLC0415

    assert resident(os.getpid()) > 1_000_000
    assert resident(0) == 0
    assert together([os.getpid(), 0, 2**22 + 1]) >= resident(os.getpid()) / 2
