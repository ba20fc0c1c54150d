"""AdminService: the accounts of this installation, and what happened to them."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.database import Database
from chassis.idempotency import once
from chassis.pagination import decode_page, encode_page, foreign_token
from plimsoll.identity.v1 import admin_service_pb2, admin_service_pb2_grpc, user_pb2
from services.portfolio.application.audit_log import AuditLog
from services.portfolio.application.members import Members
from services.portfolio.domain.user import User
from services.portfolio.handlers import identity_messages as messages
from services.portfolio.storage import users

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 50
LARGEST_ID = 2**63 - 1


class AdminHandler(admin_service_pb2_grpc.AdminServiceServicer):
    """Serves plimsoll.identity.v1.AdminService."""

    def __init__(self, database: Database, members: Members, audit: AuditLog) -> None:
        self._database = database
        self._members = members
        self._audit = audit

    async def ListUsers(
        self, request: admin_service_pb2.ListUsersRequest, context: Context
    ) -> admin_service_pb2.ListUsersResponse:
        """List all accounts by address."""
        size = request.page_size or DEFAULT_PAGE
        after = decode_page(request.page_token, "email").get("email", "")
        async with self._database.transaction() as connection:
            found = await users.page(connection, after, size + 1)
        more = encode_page({"email": found[size - 1].email}) if len(found) > size else ""
        return admin_service_pb2.ListUsersResponse(users=map(messages.user, found[:size]), next_page_token=more)

    async def SetTier(self, request: admin_service_pb2.SetTierRequest, context: Context) -> user_pb2.User:
        """Put an account into a tier."""
        tier = messages.tier(request.tier)
        return await self._once(request, lambda c: self._members.set_tier(c, request.user_id, tier))

    async def DisableUser(self, request: admin_service_pb2.DisableUserRequest, context: Context) -> user_pb2.User:
        """Close an account to its owner."""
        admin = current_call().user_id
        return await self._once(request, lambda c: self._members.disable(c, request.user_id, admin))

    async def EnableUser(self, request: admin_service_pb2.EnableUserRequest, context: Context) -> user_pb2.User:
        """Open a closed account again."""
        return await self._once(request, lambda c: self._members.enable(c, request.user_id))

    async def ListAuditLog(
        self, request: admin_service_pb2.ListAuditLogRequest, context: Context
    ) -> admin_service_pb2.ListAuditLogResponse:
        """List the audit log, the newest line first."""
        size = request.page_size or DEFAULT_PAGE
        async with self._database.transaction() as connection:
            found = await self._audit.page(connection, _before(request.page_token), size + 1, request.user_id)
        more = encode_page({"event_id": str(found[size - 1].event.event_id)}) if len(found) > size else ""
        return admin_service_pb2.ListAuditLogResponse(
            events=map(messages.audit_event, found[:size]), next_page_token=more
        )

    async def _once(self, request: Message, change: Callable[[AsyncConnection], Awaitable[User]]) -> user_pb2.User:
        call = current_call()
        async with self._database.transaction(call.user_id) as connection:

            async def write() -> user_pb2.User:
                return messages.user(await change(connection))

            return await once(connection, call, request, user_pb2.User, write)


def _before(token: str) -> int | None:
    position = decode_page(token, "event_id")
    if not position:
        return None
    text = position["event_id"]
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= LARGEST_ID):
        raise foreign_token(token)
    return int(text)
