"""Refuse files that have grown too long: what is that long hides a second subject."""

import sys
from pathlib import Path

LIMITS = {"services": 400, "shared": 400, "tools": 400, "benchmarks": 400, "tests": 600}
LEFT_OUT = ("services/dashboard/web/", "services/dashboard/static/")


def too_long(root: Path) -> list[str]:
    """A sentence per Python file beyond its folder's limit."""
    found: list[str] = []
    for folder, limit in LIMITS.items():
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit and not name.startswith(LEFT_OUT):
                found.append(f"{name}: {lines} lines, expected at most {limit}; split it by subject")
    return found


def main() -> int:
    """Print them; 1 when there are any."""
    problems = too_long(Path(__file__).parents[1])
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
