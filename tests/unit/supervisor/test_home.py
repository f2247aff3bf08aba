import os
from pathlib import Path

import pytest

from services.supervisor.errors import StartFailed
from services.supervisor.home import Home, default_home, write_private
from services.supervisor.runfile import ProcessEntry, RunFile, running
from shared.domain.errors import StateCorrupt


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


def a_run(pid: int) -> RunFile:
    return RunFile(
        pid=pid,
        version="1",
        ready=True,
        mode="PAPER",
        dashboard="http://d",
        nats_url="nats://n",
        redis_url="redis://r",
        venue="http://v",
        processes={"scanner": ProcessEntry(pid=5, port=6, restarts=1, last_exit="exit 1")},
    )


def test_folders_and_passwords_are_private(home: Home) -> None:
    first = home.passwords()
    assert home.passwords() == first
    assert first["nats"] != first["redis"]
    assert min(len(word) for word in first.values()) >= 32
    for path in (home.path, home.logs, home.path / "passwords.json"):
        assert path.stat().st_mode & 0o077 == 0


def test_unreadable_passwords_are_told(home: Home) -> None:
    (home.path / "passwords.json").write_text("{broken")
    with pytest.raises(StartFailed, match="remove it and start again"):
        home.passwords()


def test_home_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StartFailed, match="choose another with --home DIR"):
        Home(tmp_path / "file" / "home").create()


def test_only_one_supervisor_per_home(home: Home) -> None:
    assert home.holder() is None
    with home.locked():
        assert home.holder() == os.getpid()
        with pytest.raises(StartFailed, match=rf"already runs in .* \(process {os.getpid()}\)"), home.locked():
            pass
    assert home.holder() is None
    with home.locked():
        assert home.lock_file.read_text() == str(os.getpid())


def test_run_file_is_believed_only_while_its_supervisor_lives(home: Home) -> None:
    a_run(os.getpid()).save(home)
    assert running(home) is None
    with home.locked():
        assert running(home) == a_run(os.getpid())
        a_run(1).save(home)
        assert running(home) is None


def test_broken_run_file_is_told(home: Home) -> None:
    with home.locked():
        for text in ("{", "[]", "{}", '{"processes": {"a": {"x": 1}}}'):
            home.run_file.write_text(text)
            with pytest.raises(StateCorrupt, match="restart MrAster"):
                running(home)


def test_reset_moves_everything_aside(home: Home) -> None:
    (home.paper / "paper.sqlite").write_text("money")
    kept = home.backed_up("20260102-030405")
    assert kept == home.path.with_name("home-20260102-030405")
    assert not home.path.exists()
    assert (kept / "paper" / "paper.sqlite").read_text() == "money"
    assert home.backed_up("20260102-030406") is None


def test_private_file_replaces_a_public_one(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_default_home_depends_on_the_folder(tmp_path: Path) -> None:
    assert default_home(tmp_path, tmp_path / "data") == tmp_path / "data" / "mraster"
    (tmp_path / "services").mkdir()
    for name in ("pyproject.toml", "services/cli.py"):
        (tmp_path / name).write_text("")
    assert default_home(tmp_path, tmp_path / "data") == tmp_path / ".home"


def test_files_of_services_are_kept_here_unless_a_person_named_a_place(home: Home) -> None:
    assert home.file(Path("brackets_queue.json")) == home.path / "brackets_queue.json"
    assert home.file(Path("/var/lib/queue.json")) == Path("/var/lib/queue.json")


def test_a_relative_state_file_is_kept_in_the_home_and_moves_with_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.state_file(Path("aster_state.json")) == home.path / "aster_state.json"
    assert home.state_file(tmp_path / "elsewhere.json") == tmp_path / "elsewhere.json"
