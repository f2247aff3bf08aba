"""Rules that every container must keep; that they really run is tried with a Docker engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.commands import secret_files
from services.commands.catalog import SERVICES
from shared.config.registry import name_of

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS = sorted(COMPOSE["services"].items())
OURS = {entry.name for entry in SERVICES} | {"paper_exchange", "provision"}


def test_every_service_has_a_container() -> None:
    assert {name for name, _ in CONTAINERS} == OURS | {"nats", "redis"}


@pytest.mark.parametrize(("name", "container"), CONTAINERS)
def test_containers_are_hardened_and_bounded(name: str, container: dict[str, Any]) -> None:
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert set(container["deploy"]["resources"]["limits"]) == {"memory", "cpus", "pids"}
    assert container["logging"]["options"]["max-size"]
    assert "privileged" not in container
    if name in OURS:
        assert container["user"] == "10001:10001"
    assert container.get("healthcheck"), "a health check, or why there is none"


@pytest.mark.parametrize(("name", "container"), CONTAINERS)
def test_only_the_page_is_published_and_only_on_this_machine(name: str, container: dict[str, Any]) -> None:
    ports = container.get("ports", [])
    assert bool(ports) == (name == "dashboard")
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize(("name", "container"), [(name, made) for name, made in CONTAINERS if name in OURS])
def test_each_gets_its_own_secret_and_no_other(name: str, container: dict[str, Any]) -> None:
    assert container["secrets"] == [name]
    assert container["command"][:2] == ["--env-file", f"/run/secrets/{name}"]
    assert not [key for key in container["environment"] if re.search("SECRET|PASSWORD|API_KEY|_URL$", key)]


def test_secrets_are_those_that_the_command_writes() -> None:
    made = secret_files.make((ROOT / "deploy" / "redis" / "users.acl").read_text())
    assert {entry["file"] for entry in COMPOSE["secrets"].values()} == {f"./secrets/{name}" for name in made.files}


def test_services_may_not_create_streams_and_drain_in_time() -> None:
    for entry in SERVICES:
        container = COMPOSE["services"][entry.name]
        assert "--no-provision" in container["command"]
        assert container["stop_grace_period"] == "20s"
        assert container["depends_on"]["provision"] == {"condition": "service_completed_successfully"}


def test_the_image_is_built_once() -> None:
    assert [name for name, container in CONTAINERS if "build" in container] == ["provision"]


def test_image_runs_as_nobody_in_particular_and_holds_no_secrets() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.rstrip().splitlines()[-3:] == ["USER 10001:10001", 'ENTRYPOINT ["mraster"]', 'CMD ["--help"]']
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert allowed == ["pyproject.toml", "README.md", "requirements", "services", "shared"]


@pytest.mark.parametrize(("service", "mode"), [("advisor", "rw"), ("executor", "ro")])
def test_the_snapshot_has_a_place_that_only_the_advisor_writes(service: str, mode: str) -> None:
    container = COMPOSE["services"][service]
    path = container["environment"][name_of("core.state_file")]
    (volume,) = container["volumes"]
    name, folder, found = (*volume.split(":"), "rw")[:3]
    assert (name, found) == ("advisor-data", mode)
    assert name in COMPOSE["volumes"]
    assert Path(path).parent == Path(folder)


@pytest.mark.parametrize("name", ["scanner", "advisor"])
def test_what_may_run_more_than_once_has_nothing_that_only_one_can_have(name: str) -> None:
    container = COMPOSE["services"][name]
    assert not {"container_name", "hostname", "ports"} & set(container)
    assert "--instance" not in container["command"]
