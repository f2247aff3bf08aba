"""What is shipped is what runs: the wheel, installed in a clean environment, far from the source tree."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    name = subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return folder / name.split()[-1]


def test_wheel_holds_the_code_and_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"services", "shared"}
    missing = [
        path.relative_to(ROOT).as_posix()
        for folder in ("services", "shared")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".lua", ".md"} and not {"web", "static", "__pycache__"} & set(path.parts)
        if path.relative_to(ROOT).as_posix() not in names
    ]
    assert missing == []
    assert not [name for name in names if "/web/" in name or "node_modules" in name]


def test_installed_wheel_runs_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    """The dependencies are lent by this environment, so that no index is needed."""
    clean = tmp_path / "clean"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(clean)], check=True)
    target = clean / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*install, "--prefix", str(clean), "--ignore-installed", str(wheel)], check=True, capture_output=True)
    (target / "lent.pth").write_text(_dependencies() + "\n")
    script = clean / "bin" / "mraster"
    assert script.read_text().startswith("#!")
    surroundings = {"PATH": os.defpath, "HOME": str(tmp_path)}
    command = [str(clean / "bin" / "python"), "-P", str(script)]
    told = subprocess.run([*command, "--version"], cwd="/", env=surroundings, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout.strip(), told.stderr) == (0, f"mraster {_version(wheel)}", "")
    where = "import services.cli, shared; print(services.cli.__file__)"
    found = subprocess.run(
        [str(clean / "bin" / "python"), "-c", where], cwd="/", env=surroundings, capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(str(target))
    checked = subprocess.run([*command, "config", "check"], cwd="/", env=surroundings, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def _dependencies() -> str:
    return sysconfig.get_path("purelib")


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]
