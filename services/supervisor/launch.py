"""Becomes another program that cannot outlive the supervisor: `launch.py PARENT_PID PROGRAM ARGUMENTS…`.

A program of its own because the kernel ties the order to the process that gives it, and because code between fork and
exec is not safe in a process with threads. Imports nothing of the product, so that it starts in milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ask the kernel to end us with our parent (Linux only), then turn into the program."""
    parent, *command = arguments
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it died before we asked
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the supervisor made the command line, there is no shell


if __name__ == "__main__":
    main(sys.argv[1:])
