"""Run a program that cannot outlive its starter: `python -I -S leash.py STARTER_PID PROGRAM [ARGUMENT...]`.

Linux kills the program as soon as the thread that started us ends, however it ends, kill -9 included: the wish is
noted by prctl and survives exec. This is a program of its own, because code between fork and exec is unsafe in a
process that has threads; it starts without site packages and takes a hundredth of a second.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its starter, then become the program."""
    starter, *command = sys.argv[1:]
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != int(starter):
        sys.exit("the starter was gone before the leash was on")
    try:
        os.execvp(command[0], command)  # noqa: S606  the supervisor chose the program; no shell is wanted
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
