"""A stack of fake parts as a process of its own, to be signalled and killed: `python -m tests.cli.stack.fake_stack`.

A part is a small program that notes in a journal when it starts and when it is asked to stop; it can be used once it
has said so there. `KIND` says how it behaves.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.stack import foreground
from cli.stack.errors import StackError
from cli.stack.home import Home
from cli.stack.ports import settle
from cli.stack.program import Launch, ProcessProgram
from cli.stack.screen import Screen
from cli.stack.stack import Part, Stack, Wave
from cli.stack.transcript import Transcript

PART = """
import os, signal, subprocess, sys
name, kind, journal = sys.argv[1:]

def note(event):
    with open(journal, "a") as file:
        file.write(f"{event} {name} {os.getpid()}\\n")

def stop(*_):
    note("stop")
    if kind != "stubborn":
        os._exit(0)

signal.signal(signal.SIGTERM, stop)
if kind == "broken":
    print("the settings are wrong", flush=True)
    sys.exit(2)
if kind == "brittle" and f"start {name} " in open(journal).read():
    sys.exit(3)
if kind == "parent":
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    note(f"child-{child.pid}")
print(f"{name} is here", flush=True)
note("begin" if kind == "slow" else "start")
while True:
    signal.pause()
"""


def journal_lines(home: Path) -> list[list[str]]:
    """Give what the parts noted: event, part, process."""
    journal = home / "journal"
    return [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []


def part(name: str, kind: str, home: Home, transcript: Transcript, grace: float) -> Part:
    """Make a fake part."""

    async def usable() -> bool:
        return any(event == "start" and its == name and _alive(pid) for event, its, pid in journal_lines(home.folder))

    command = (sys.executable, "-c", PART, name, kind, str(home.folder / "journal"))
    launch = Launch(command, os.environ, usable, start_seconds=20.0, grace_seconds=grace)
    return Part(name, "127.0.0.1:1", ProcessProgram(name, launch, transcript))


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def main() -> None:
    """Run waves of parts, written as `a,b c=stubborn`: `a` and `b` first, then `c`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("waves", nargs="+")
    parser.add_argument("--grace", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    home = Home(arguments.home)
    kinds = [dict((*item.split("="), "plain")[:2] for item in wave.split(",")) for wave in arguments.waves]
    names = ["plimsoll", *(name for wave in kinds for name in wave)]
    home.prepare()
    transcript = Transcript(home.logs, names, Screen(sys.stdout, names))

    async def plan() -> Sequence[Wave]:
        settle({"PLIMSOLL_GATEWAY_PORT": arguments.port})
        return [
            Wave([part(name, kind, home, transcript, arguments.grace) for name, kind in wave.items()]) for wave in kinds
        ]

    async def body(stack: Stack) -> None:
        transcript.say("plimsoll", "everything is up")
        await stack.wait()

    try:
        foreground.run(Stack(home, plan, lambda text: transcript.say("plimsoll", text)), body)
    except StackError as error:
        sys.exit(f"error: {error}")
    finally:
        transcript.close()


if __name__ == "__main__":
    main()
