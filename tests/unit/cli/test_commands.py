import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import Result

from services.commands.catalog import SERVICES
from services.supervisor.home import Home
from tests.unit.cli.conftest import Run

ROOT = Path(__file__).parents[3]


def said(result: Result) -> str:
    """What reached the terminal, or the message of one of our own errors."""
    return result.output + (str(result.exception) if result.exception is not None else "")


def test_version(run: Run) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.startswith("mraster ")


def test_every_service_has_a_command(run: Run) -> None:
    shown = run("--help").output
    for name in ("paper-exchange", "up", "status", "pause", "resume", "start", "stop", "config", "reset", "provision"):
        assert name in shown
    for entry in SERVICES:
        assert entry.command in shown
        options = run(entry.command, "--help", TERMINAL_WIDTH="200").output
        assert all(option in options for option in ("--instance", "--http-port", "--lanes", "--no-provision"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("scanner", "--lanes", "0"),
        ("scanner", "--http-port", "70000"),
        ("paper-exchange", "--port", "x"),
        ("up", "--services", "scanner,moon"),
        ("up", "--services", ""),
        ("up", "--port", "-1"),
        ("status", "extra"),
    ],
)
def test_bad_command_line_is_code_2_without_a_traceback(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_status_with_nothing_running_is_code_3(run: Run) -> None:
    result = run("status", ASTER_DASHBOARD_PORT="1")
    assert result.exit_code == 3
    assert "Start it with: mraster up" in result.output


def test_control_without_redis_says_that_nothing_is_certain(run: Run) -> None:
    result = run("pause", ASTER_REDIS_URL="redis://user:planted@127.0.0.1:1/0")
    assert result.exit_code == 1
    assert "nothing was changed for certain" in result.output
    assert "planted" not in said(result)


def test_provision_without_nats(run: Run) -> None:
    result = run("provision", "--within", "1", ASTER_NATS_URL="nats://user:planted@127.0.0.1:1")
    assert result.exit_code == 1
    assert "the streams were not provisioned: expected a NATS server at nats://127.0.0.1:1" in result.output
    assert "planted" not in said(result)


def test_health_of_nobody(run: Run) -> None:
    result = run("health", "--url", "http://127.0.0.1:1/readyz")
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_config_check_and_show(run: Run) -> None:
    assert "settings are valid; 0 differ" in run("config", "check").output
    assert "every setting has its default" in run("config", "show").output
    changed = run("config", "show", ASTER_LEVERAGE="7", ASTER_API_SECRET="planted-secret")
    assert "ASTER_LEVERAGE=7  (environment" in changed.output
    assert "ASTER_API_SECRET" in changed.output
    assert "planted-secret" not in changed.output
    rows = json.loads(run("config", "show", "--json", ASTER_LEVERAGE="7").output)
    assert next(row for row in rows if row["name"] == "ASTER_LEVERAGE")["source"] == "environment"


def test_env_file_of_the_current_folder_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASTER_LEVERAGE=9\n")
    assert "ASTER_LEVERAGE=9" in run("config", "show").output
    assert "ASTER_LEVERAGE=3" in run("config", "show", ASTER_LEVERAGE="3").output


def test_reset_keeps_what_was_there(run: Run, tmp_path: Path) -> None:
    assert "nothing to reset" in run("reset", "--home", str(tmp_path / "h")).output
    Home(tmp_path / "h").create()
    assert "kept in" in run("reset", "--home", str(tmp_path / "h")).output
    assert not (tmp_path / "h").exists()


def test_console_script_turns_our_errors_into_one_message(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "services.cli", "config", "check"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "ASTER_LEVERGE": "5", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].strip() == "ASTER_LEVERGE: unknown setting, did you mean ASTER_LEVERAGE?"
    assert "Traceback" not in told.stderr


def test_light_commands_do_not_load_the_heavy_parts() -> None:
    heavy = ("numpy", "nats", "redis", "pyarrow", "fastapi", "openai", "eth_account", "uvicorn")
    code = f"import sys, services.cli; print([name for name in {heavy!r} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_resume_wants_a_reason_before_it_touches_anything(run: Run) -> None:
    for reason in ([], ["--reason", "  "]):
        result = run("resume", *reason, ASTER_REDIS_URL="redis://127.0.0.1:1/0")
        assert result.exit_code == 2
        assert "expected --reason" in result.output
    assert run("resume", "--reason", "looked at it", ASTER_REDIS_URL="redis://127.0.0.1:1/0").exit_code == 1
