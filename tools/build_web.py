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


def main() -> int:
    """Install the page's packages as locked, and build it."""
    folder = folder_of_node()
    if folder is None:
        print(
            f"the page needs Node {OLDEST[0]}.{OLDEST[1]} or newer with npm: install it, or run `make clean` and try again", file=sys.stderr
        )
        return 1
    print(f"building the page with Node of {folder}")
    search = f"{folder}:/usr/local/bin:/usr/bin:/bin"
    surroundings = {**os.environ, "PATH": search, "CI": "1"}  # noqa: TID251 - npm needs what its configuration may refer to
    for command in (["ci", "--no-audit", "--no-fund", "--loglevel=error"], ["run", "--silent", "build"]):
        code = subprocess.run([str(folder / "npm"), *command], check=False, cwd=WEB, env=surroundings, stdin=subprocess.DEVNULL).returncode  # noqa: S603
        if code:
            print(f"npm {command[0]} failed with exit code {code}", file=sys.stderr)
            return 1
    if not PAGE.is_file():
        print(f"the build did not write {PAGE.relative_to(ROOT)}", file=sys.stderr)
        return 1
    PAGE.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
