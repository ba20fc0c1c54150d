"""What processes under test are told by signals, however the tests themselves were started."""

import signal


def heed_signals() -> None:
    """Undo what a shell has its background work ignore, and `nohup` everything. For `preexec_fn`."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
