"""Run every benchmark of benchmarks/ and print its figures: `bench <name> <value> <unit>`, one per line."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """All of them, or those whose name holds one of the arguments; 1 when any fails."""
    scripts = [path for path in sorted((ROOT / "benchmarks").glob("bench_*.py")) if not arguments or any(a in path.stem for a in arguments)]
    if not scripts:
        print("no benchmark has that name", file=sys.stderr)
        return 1
    codes = [subprocess.run([sys.executable, str(path)], cwd=ROOT, check=False).returncode for path in scripts]  # noqa: S603
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
