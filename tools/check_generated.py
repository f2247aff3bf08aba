"""Files that are made from the code must be as the code makes them; `--write` makes them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATORS = ("shared.config.render", "shared.contracts.render", "tools.render_nats", "tools.plot_strength")


def main(arguments: list[str]) -> int:
    """Run every generator; 1 when one is stale or fails."""
    mode = "--write" if "--write" in arguments else "--check"
    codes = [subprocess.run([sys.executable, "-m", module, mode], check=False, cwd=ROOT).returncode for module in GENERATORS]  # noqa: S603
    if any(codes) and mode == "--check":
        print("generated files are stale: run `make generate` and commit what it writes")
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
