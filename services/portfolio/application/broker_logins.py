"""Logins of users at brokers: beginning and keeping them, and reading with them.

Access tokens are kept in a box that only the holder of PLIMSOLL_KEY_SECRET can open, together with the user they are
of: a row that came to another user would open nothing.
"""

import asyncio

from cryptography.fernet import InvalidToken

from chassis.database import Database
from chassis.errors import FailedPrecondition, NotFound
from services.portfolio.application.sealing import box
from services.portfolio.domain.brokerage import BrokerAccount, BrokerStatement, LinkToken
from services.portfolio.ports import Brokerage
from services.portfolio.storage import plaid
from services.portfolio.storage.plaid import StoredItem

PURPOSE = "plaid access tokens"
OFF = "this installation is not set up for Plaid: its operator sets PLIMSOLL_PLAID_CLIENT_ID and PLIMSOLL_PLAID_SECRET"


class BrokerLogins:
    """Logins at brokers; without a brokerage every call of it is refused."""

    def __init__(self, database: Database, brokerage: Brokerage | None, key_secret: str) -> None:
        self._database = database
        self._brokerage = brokerage
        self._box = box(key_secret, PURPOSE)

    async def begin(self, user_id: str) -> LinkToken:
        """Begin a login.

        Raises:
            FailedPrecondition: this installation has no Plaid.
        """
        return await self._reader().link_token(user_id)

    async def keep(self, owner_id: str, public_token: str) -> StoredItem:
        """Keep the login that gave a token.

        Raises:
            FailedPrecondition: this installation has no Plaid.
            InvalidFields: the token is none of Plaid's, or not any more.
        """
        connection = await self._reader().exchange(public_token)
        sealed = self._box.encrypt(f"{owner_id} {connection.access_token}".encode())
        async with self._database.transaction(owner_id) as transaction:
            return await plaid.keep(transaction, owner_id, connection.item, sealed)

    async def accounts(self, owner_id: str, plaid_item_id: str) -> list[tuple[str, BrokerAccount]]:
        """Give the accounts of a login, or of all, each with the id of its login.

        Raises:
            FailedPrecondition: this installation has no Plaid, or Plaid cannot read at a broker.
            NotFound: there is no such login, or it is another's.
        """
        reader = self._reader()
        async with self._database.transaction(owner_id) as connection:
            if plaid_item_id:
                kept = [await plaid.get(connection, owner_id, plaid_item_id)]
            else:
                kept = await plaid.every(connection, owner_id)
        read = await asyncio.gather(*(reader.accounts(self._opened(owner_id, item)) for item in kept))
        return [(item.plaid_item_id, account) for item, found in zip(kept, read, strict=True) for account in found]

    async def statement(self, owner_id: str, plaid_item_id: str) -> BrokerStatement:
        """Give what stands in the accounts of a login.

        Raises:
            FailedPrecondition: this installation has no Plaid, or Plaid cannot read at the broker.
            NotFound: there is no such login, or it is another's.
        """
        reader = self._reader()
        async with self._database.transaction(owner_id) as connection:
            item = await plaid.get(connection, owner_id, plaid_item_id)
        return await reader.statement(self._opened(owner_id, item))

    def _reader(self) -> Brokerage:
        if self._brokerage is None:
            raise FailedPrecondition("PLAID_OFF", OFF)
        return self._brokerage

    def _opened(self, owner_id: str, item: StoredItem) -> str:
        try:
            owner, _, token = self._box.decrypt(item.sealed_access_token).decode().partition(" ")
        except InvalidToken:
            message = "this login was kept under another PLIMSOLL_KEY_SECRET: sign in at the broker again"
            raise FailedPrecondition("PLAID_LOGIN_UNUSABLE", message, plaid_code="") from None
        if owner != owner_id:
            raise NotFound("plaid item", item.plaid_item_id)
        return token
