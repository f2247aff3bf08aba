import io
import threading
from pathlib import Path

from services.supervisor.console import Console
from services.supervisor.lines import Style
from services.supervisor.spec import LogFormat, ProcessSpec, Stage


def spec(name: str = "scanner", log_format: LogFormat = LogFormat.JSON) -> ProcessSpec:
    return ProcessSpec(name=name, stage=Stage.SERVICES, argv=(), environment={}, log_format=log_format, folder=Path(), port=1)


def console(folder: Path, out: io.StringIO) -> Console:
    return Console(Style(("scanner",), colour=False), folder, lambda: "12:00:00", out)


def test_every_line_goes_to_its_file_and_important_ones_to_the_terminal(tmp_path: Path) -> None:
    out = io.StringIO()
    both = console(tmp_path, out)
    for text in ('{"event": "loud", "level": "warning"}', '{"event": "quiet", "level": "debug"}'):
        both.output(spec(), text)
    both.output(spec(), "said twice", hidden=True)
    both.note("info", "starting", processes=3)
    both.say("ready")
    both.close()
    assert out.getvalue().splitlines() == ["12:00:00 scanner warning  loud", "12:00:00 supervisor info     starting  processes=3", "ready"]
    assert (tmp_path / "scanner.log").read_text().splitlines() == [
        '{"event": "loud", "level": "warning"}',
        '{"event": "quiet", "level": "debug"}',
        "said twice",
    ]
    assert "starting" in (tmp_path / "supervisor.log").read_text()


class Stuck(io.StringIO):
    """A terminal that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.go.wait()
        return super().write(text)


def test_terminal_that_stands_still_costs_lines_not_time(tmp_path: Path) -> None:
    out = Stuck()
    both = console(tmp_path, out)
    for number in range(7_000):
        both.output(spec(), f"line {number}")
    out.go.set()
    both.say("end")
    both.close(10)
    shown = out.getvalue().splitlines()
    assert shown[-1] == "end"
    assert len(shown) < 6_000
    assert any("lines were left out because the terminal was too slow" in line for line in shown)
    assert (tmp_path / "scanner.log").read_text().count("\n") == 7_000


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_closed_terminal_does_not_stop_the_files(tmp_path: Path) -> None:
    both = console(tmp_path, Gone())
    both.output(spec(), "first")
    both.output(spec(), "second")
    both.close()
    assert (tmp_path / "scanner.log").read_text() == "first\nsecond\n"
