"""Build the page with the Node on PATH, or with the one that a Python package brought into this environment."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "services" / "dashboard" / "web"
PAGE = ROOT / "services" / "dashboard" / "static" / "index.html"
OLDEST = (20, 19)


def node_version(node: str) -> tuple[int, int]:
    """Major and minor; (0, 0) when the program does not say."""
    said = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout  # noqa: S603
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def folder_of_node() -> Path | None:
    """Where a new enough `node` is together with its `npm`."""
    own = Path(sys.executable).parent
    for node in (shutil.which("node"), str(own / "node")):
        if node and Path(node).exists() and (Path(node).parent / "npm").exists() and node_version(node) >= OLDEST:
            return Path(node).parent
    return None


def run(folder: Path, *arguments: str) -> None:
    """Run npm in the page's folder.

    Raises:
        SystemExit: it failed; it has said why.
    """
    surroundings = {**os.environ, "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "CI": "1"}  # noqa: TID251 - npm may need any of them
    command = [str(folder / "npm"), *arguments]
    if code := subprocess.run(command, check=False, cwd=WEB, env=surroundings, stdin=subprocess.DEVNULL).returncode:  # noqa: S603
        raise SystemExit(f"npm {' '.join(arguments)} failed with exit code {code}")


def main(arguments: list[str]) -> None:
    """Install the page's packages as locked and build it; with `--check`, look for mistakes instead."""
    folder = folder_of_node()
    if folder is None:
        raise SystemExit(f"the page needs Node {OLDEST[0]}.{OLDEST[1]} or newer with npm: install it, or run `make clean` and try again")
    checking = "--check" in arguments
    if not checking or not (WEB / "node_modules").is_dir():
        run(folder, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    if checking:
        run(folder, "run", "--silent", "check")
        return
    print(f"building the page with the Node of {folder}")
    run(folder, "run", "--silent", "build")
    if not PAGE.is_file():
        raise SystemExit(f"the build did not write {PAGE.relative_to(ROOT)}")
    PAGE.touch()


if __name__ == "__main__":
    main(sys.argv[1:])
