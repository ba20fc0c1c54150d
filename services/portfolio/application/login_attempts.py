"""How often a password may be tried.

Two limits stand against guessing: for one account, and for one client over all accounts. The first counts each client
apart, because otherwise anybody could keep the owner out by trying; a much higher one counts all clients together.
"""

import hashlib

from chassis.counters import Counters
from chassis.errors import RateLimited

MINUTE = 60
OF_CLIENT = 30
OF_CLIENT_AT_ACCOUNT = 10
AT_ACCOUNT = 100


class LoginAttempts:
    """Counts attempts, within a minute."""

    def __init__(self, counters: Counters, *, limited: bool) -> None:
        self._counters = counters
        self._limited = limited

    async def take(self, account: str, client: str) -> None:
        """Count an attempt; whether there is such an account plays no part.

        Raises:
            RateLimited: there were too many.
        """
        if not self._limited:
            return
        account = hashlib.sha256(account.encode()).hexdigest()  # addresses are nobody's business in a shared Redis
        for name, limit in (
            (f"login {client}", OF_CLIENT),
            (f"login {client} {account}", OF_CLIENT_AT_ACCOUNT),
            (f"login {account}", AT_ACCOUNT),
        ):
            count = await self._counters.add_shared(name, MINUTE)
            if count.times > limit:
                left = count.seconds_left
                message = f"more than {limit} attempts to log in within a minute: try again in {left} s"
                raise RateLimited(message, limit=limit, period="minute", retry_after_seconds=left)
