"""What can keep a stack from running. Each message is meant for the person at the terminal.

StackError
├── AlreadyRunning   another supervisor holds this home
├── NotRunning       a command needs a running stack, and there is none
├── PortTaken        something else listens where a part should
├── StartFailed      a part ended, or stayed unready, at one start
└── PartFailed       a part could not be started at all: the stack gives up
"""


class StackError(Exception):
    """The stack cannot do what was asked; the message says why and what to change."""


class AlreadyRunning(StackError):
    """Another supervisor holds this home."""


class NotRunning(StackError):
    """A command needs a running stack, and there is none."""


class PortTaken(StackError):
    """Something else listens where a part should."""


class StartFailed(StackError):
    """A part ended, or stayed unready, at one start."""


class PartFailed(StackError):
    """A part could not be started however often it was tried."""
