"""The browser tests need a Chromium; on Debian as root it can be installed, elsewhere a person is told."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> int:
    """0 when there is one, or when the browser tests will be skipped with a reason."""
    if any(shutil.which(name) for name in NAMES):
        return 0
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        print("no Chromium was found: the browser tests will be skipped. Install it (Debian: apt-get install chromium)")
        return 0
    print("installing Chromium for the browser tests")
    surroundings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}  # noqa: TID251 - a proxy may be named there
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        subprocess.run([apt, *command], check=True, env=surroundings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603
    return 0


if __name__ == "__main__":
    sys.exit(main())
