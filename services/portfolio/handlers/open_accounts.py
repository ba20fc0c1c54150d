"""The guard that refuses whose account is closed or gone, although the access token lives for some minutes more.

The other services cannot tell and need not: what a user owns is here, and they learn of the end by its event.
"""

from google.protobuf.message import Message

from chassis.call import Call
from chassis.database import Database
from chassis.errors import Unauthenticated
from chassis.hot_path import reading
from services.portfolio.storage import users

WHOEVER = "/plimsoll.identity.v1.AccountService/DeleteMe"
"""An account that is gone has ended: to say so again is no error."""


class OpenAccounts:
    """Lets callers with an open account pass."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, call: Call, request: Message) -> None:
        """Refuse a user whose account is closed or gone; services ask for users as they find them."""
        if call.principal is None or call.method is None or call.method.internal or call.method.path == WHOEVER:
            return
        user_id = call.principal.user_id
        async with reading(self._database, user_id) as connection:
            if not await users.is_open(connection, user_id):
                raise Unauthenticated("TOKEN_INVALID", "the account of this token is closed or was deleted")
