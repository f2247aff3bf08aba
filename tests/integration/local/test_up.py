"""`mraster up` as a person uses it: ready, killed, stopped, and what it says when it cannot start."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.fakes.product import ROOT, Product, StartFailed
from tests.fakes.servers import free_port

SMALL = ("--market", "synthetic", "--symbols", "BTCUSDT,ETHUSDT", "--seed", "7")
SERVICES = ("scanner", "sentinel", "advisor", "executor", "bracket_guard", "dashboard")

pytestmark = pytest.mark.integration


def until(check: Callable[[], Any], within_s: float, what: str) -> Any:
    """Wait for something in other processes."""
    end = time.monotonic() + within_s
    while not (found := check()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.05)
    return found


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def pids_of(product: Product) -> dict[str, int]:
    return {name: entry["pid"] for name, entry in product.run()["processes"].items()}


def command(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ASTER_")}  # noqa: TID251 - a child's environment
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        cwd=ROOT,
        env={**clean, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One running product for the tests that only look at it or kill parts of it."""
    running = Product(tmp_path_factory.mktemp("up") / "home", SMALL)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Product]:
    """A product for a test that ends it."""
    running = Product(tmp_path / "home", SMALL)
    yield running
    if running.process is not None:
        running.stop()


def test_ready_tells_address_and_kind_of_prices(product: Product) -> None:
    run = product.run()
    assert f"ready {run['dashboard']}\nPAPER · synthetic prices." in product.log_file.read_text()
    assert httpx.get(f"{run['dashboard']}/readyz").status_code == 200
    assert set(run["processes"]) == {"redis", "nats", "paper_exchange", *SERVICES}


def test_nothing_listens_beyond_this_machine_and_files_are_private(product: Product) -> None:
    for pid in pids_of(product).values():
        listening = [link.laddr.ip for link in psutil.Process(pid).net_connections("inet") if link.status == psutil.CONN_LISTEN]
        assert set(listening) <= {"127.0.0.1"}
    for private in ("run.json", "passwords.json", "nats/nats.conf", "redis/redis.conf"):
        assert (product.home / private).stat().st_mode & 0o077 == 0, private


def test_what_services_keep_lies_in_the_home_folder(product: Product) -> None:
    assert json.loads((product.home / "brackets_queue.json").read_text())["account"] == "main"


def test_status_reports_all_processes_and_their_memory(product: Product) -> None:
    told = command("status", "--json", "--home", str(product.home))
    assert told.returncode == 0, told.stdout + told.stderr
    report = json.loads(told.stdout)
    assert report["ready"] is True
    assert set(report["processes"]) == {"redis", "nats", "paper_exchange", *SERVICES}
    assert report["memory_bytes"] > sum(row["memory_bytes"] for row in report["processes"].values()) > 100e6


def test_pause_and_resume_change_what_the_page_shows(product: Product) -> None:
    def state() -> str:
        return str(httpx.get(f"{product.run()['dashboard']}/api/status").json()["trading"]["state"])

    told = command("pause", "--reason", "lunch", "--home", str(product.home))
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("paused (epoch ")
    until(lambda: state() == "paused", 10, "the page shows paused")
    silent = command("resume", "--home", str(product.home))
    assert (silent.returncode, "expected --reason" in silent.stderr) == (2, True)
    assert state() == "paused"
    assert command("resume", "--reason", "lunch is over", "--home", str(product.home)).returncode == 0
    until(lambda: state() == "running", 10, "the page shows running")


def test_second_start_in_the_same_home_is_refused(product: Product) -> None:
    told = command("up", "--home", str(product.home), "--port", "0", *SMALL)
    assert told.returncode == 1
    assert told.stderr.startswith(f"MrAster already runs in {product.home} (process {product.run()['pid']})")
    refused = command("reset", "--home", str(product.home))
    assert refused.returncode == 1
    assert "stop it first" in refused.stderr


@pytest.mark.parametrize("name", ["scanner", "executor", "redis", "nats", "paper_exchange"])
def test_killed_process_comes_back(product: Product, name: str) -> None:
    before = pids_of(product)[name]
    product.kill(name)
    until(lambda: pids_of(product)[name] not in {0, before}, 15, f"{name} is started again")
    entry = product.run()["processes"][name]
    assert entry["restarts"] >= 1
    assert entry["last_exit"] == "killed by SIGKILL"
    until(lambda: httpx.get(f"{product.run()['dashboard']}/readyz").status_code == 200, 30, "everything is ready again")


def test_sigterm_drains_and_leaves_no_process(own: Product) -> None:
    own.start()
    pids = [own.run()["pid"], *pids_of(own).values()]
    started = time.monotonic()
    assert own.stop() == 0
    assert time.monotonic() - started < 15
    assert alive(pids) == []
    assert not own.run_file.exists()
    log = (own.home / "logs" / "executor.log").read_text()
    assert '"draining"' in log
    assert '"stopped"' in log


def test_killed_supervisor_takes_its_processes_along(own: Product) -> None:
    own.start()
    pids = list(pids_of(own).values())
    assert own.process is not None
    own.process.send_signal(signal.SIGKILL)
    own.process.wait()
    until(lambda: not alive(pids), 5, "all processes are gone")
    own.run_file.unlink()  # so that the ready below is a new one
    own.start()  # what was left behind does not hinder the next start
    assert own.stop() == 0


def test_second_signal_ends_at_once(own: Product) -> None:
    own.start()
    pids = pids_of(own)
    os.kill(pids["executor"], signal.SIGSTOP)  # it cannot drain
    assert own.process is not None
    own.process.send_signal(signal.SIGINT)
    until(lambda: "stopping" in own.log_tail(), 5, "it is stopping")
    own.process.send_signal(signal.SIGINT)
    own.process.wait(5)
    assert alive(list(pids.values())) == []


def test_port_of_the_page_is_taken(tmp_path: Path) -> None:
    import socket  # noqa: PLC0415

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = command("up", "--home", str(tmp_path / "home"), "--port", str(port), *SMALL)
    assert told.returncode == 1
    assert told.stderr.startswith(f"port {port} on 127.0.0.1 is taken by another program")
    assert "--port N" in told.stderr
    assert not list((tmp_path / "home" / "logs").iterdir())  # nothing was started


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("symbol,open_time\nBTCUSDT,1\n", "open"),
        ("", "expected parquet or CSV"),
    ],
)
def test_recording_that_cannot_be_read(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "candles.csv"
    if content is not None:
        path.write_text(content)
    product = Product(tmp_path / "home", ("--market", f"replay:{path}"))
    with pytest.raises(StartFailed) as failure:
        product.start()
    assert product.process is not None
    assert product.process.returncode == 1
    said = str(failure.value)
    assert "paper_exchange could not start (exit 2):" in said
    assert str(path) in said
    assert words in said
    assert "Traceback" not in said
    assert not (product.home / "logs" / "nats.log").exists()  # nothing else was started


def test_named_server_that_does_not_answer(tmp_path: Path) -> None:
    for name, scheme in (("ASTER_NATS_URL", "nats"), ("ASTER_REDIS_URL", "redis")):
        url = f"{scheme}://user:planted-secret@127.0.0.1:{free_port()}"
        told = command("up", "--home", str(tmp_path / "home"), "--port", "0", *SMALL, environment={name: url})
        assert told.returncode == 1
        assert told.stderr.startswith(f"{name} names a server that does not answer: 127.0.0.1:")
        assert "planted-secret" not in told.stderr + told.stdout


def test_wrong_setting_names_it_and_starts_nothing(tmp_path: Path) -> None:
    told = command(
        "up", "--home", str(tmp_path / "home"), "--port", "0", *SMALL, environment={"ASTER_LEVERGE": "5", "ASTER_PAPER_SEED": "x"}
    )
    assert told.returncode == 2
    assert "ASTER_LEVERGE: unknown setting, did you mean ASTER_LEVERAGE?" in told.stderr
    assert told.stdout == ""


def test_once_scans_tells_and_ends(tmp_path: Path) -> None:
    told = command("up", "--once", "--home", str(tmp_path / "home"), "--port", "0", *SMALL)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "one scan cycle is done: scanned 2, setups " in told.stdout
    assert "equity 10000.00 USD" in told.stdout
    assert not (tmp_path / "home" / "run.json").exists()
