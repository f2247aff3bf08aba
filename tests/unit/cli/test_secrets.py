import hashlib
import re
from pathlib import Path

import pytest

from services.commands import secret_files
from shared.domain.errors import ConfigError
from tests.unit.cli.conftest import Run

RULES = Path(__file__).parents[3] / "deploy" / "redis" / "users.acl"


def test_every_service_gets_its_own_logins() -> None:
    files = secret_files.make(RULES.read_text()).files
    words = {name: re.findall(r"://\w+:(\w+)@", text) for name, text in files.items()}
    assert {name for name, found in words.items() if found} == {f"{name}.env" for name in (*secret_files.SERVICES, "provision")}
    flat = [word for found in words.values() for word in found]
    assert len(flat) == len(set(flat)) == 2 * 7
    for name, found in words.items():
        for word in found[:1]:
            assert f'{name.removesuffix(".env").upper()}_PASSWORD: "{word}"' in files["nats_passwords.conf"]
        for word in found[1:]:
            assert "#" + hashlib.sha256(word.encode()).hexdigest() in files["redis_users.acl"]
            assert word not in files["redis_users.acl"]


def test_only_those_who_sign_get_the_venues_key() -> None:
    files = secret_files.make(RULES.read_text()).files
    assert {name for name, text in files.items() if "ASTER_PAPER_API_SECRET" in text} == {
        "executor.env",
        "bracket_guard.env",
        "paper_exchange.env",
    }
    assert {name for name, text in files.items() if "ASTER_DASHBOARD_PASSWORD" in text} == {"dashboard.env"}


def test_rules_for_nobody_are_refused() -> None:
    for wrong in ("user x on {stranger}", "user x on {scanner", "user x on {0}"):
        with pytest.raises(ConfigError, match="expected one of scanner"):
            secret_files.make(wrong)


def test_init_writes_once_and_tells_the_page_password(run: Run, tmp_path: Path) -> None:
    told = run("secrets", "init", "--rules", str(RULES))
    assert told.exit_code == 0
    password = told.output.strip().rpartition(" ")[2]
    assert f"ASTER_DASHBOARD_PASSWORD={password}\n" in (tmp_path / "secrets" / "dashboard.env").read_text()
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    again = run("secrets", "init", "--rules", str(RULES))
    assert isinstance(again.exception, ConfigError)
    assert "nothing was changed" in str(again.exception)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == before


def test_outside_of_the_project_the_rules_are_missing(run: Run) -> None:
    assert "run this in the project's folder" in str(run("secrets", "init").exception)


def test_env_file_is_weaker_than_the_environment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASTER_LEVERAGE", raising=False)  # the command sets it: restored at the end
    (tmp_path / "some.env").write_text("ASTER_LEVERAGE=9\nASTER_QUOTE=USDC\n")
    monkeypatch.setenv("ASTER_QUOTE", "FDUSD")
    shown = run("--env-file", str(tmp_path / "some.env"), "config", "show").output
    assert "ASTER_LEVERAGE=9" in shown
    assert "ASTER_QUOTE=FDUSD" in shown
    monkeypatch.setenv("ASTER_LEVERAGE", "")
