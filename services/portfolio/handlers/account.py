"""AccountService: the caller's own account."""

from typing import Any

import grpc
from google.api import httpbody_pb2
from google.protobuf import empty_pb2

from chassis.call import current_call
from chassis.database import Database
from chassis.errors import NotFound, StaleRevision
from chassis.idempotency import once
from plimsoll.identity.v1 import account_service_pb2, account_service_pb2_grpc, profile_pb2
from services.portfolio.application.leaving import Leaving
from services.portfolio.application.password_changes import PasswordChanges
from services.portfolio.domain.profile import Profile
from services.portfolio.handlers import identity_messages as messages
from services.portfolio.storage import profiles

Context = grpc.aio.ServicerContext[Any, Any]


class AccountHandler(account_service_pb2_grpc.AccountServiceServicer):
    """Serves plimsoll.identity.v1.AccountService."""

    def __init__(self, database: Database, passwords: PasswordChanges, leaving: Leaving) -> None:
        self._database = database
        self._passwords = passwords
        self._leaving = leaving

    async def GetProfile(self, request: account_service_pb2.GetProfileRequest, context: Context) -> profile_pb2.Profile:
        """Read the caller's preferences."""
        user_id = current_call().user_id
        async with self._database.transaction(user_id) as connection:
            return messages.profile(_found(await profiles.get(connection, user_id), user_id))

    async def UpdateProfile(
        self, request: account_service_pb2.UpdateProfileRequest, context: Context
    ) -> profile_pb2.Profile:
        """Change the preferences that were sent."""
        call = current_call()
        change = messages.profile_change(request)
        async with self._database.transaction(call.user_id) as connection:

            async def update() -> profile_pb2.Profile:
                before = _found(await profiles.get(connection, call.user_id, lock=True), call.user_id)
                if request.HasField("revision") and request.revision != before.revision:
                    raise StaleRevision(request.revision, before.revision)
                if (after := change.applied_to(before)) == before:
                    return messages.profile(before)
                await profiles.put(connection, call.user_id, after)
                return messages.profile(_found(await profiles.get(connection, call.user_id), call.user_id))

            return await once(connection, call, request, profile_pb2.Profile, update)

    async def ChangePassword(
        self, request: account_service_pb2.ChangePasswordRequest, context: Context
    ) -> empty_pb2.Empty:
        """Set another password."""
        call = current_call()
        await self._passwords.change(
            call.caller, call.client_network, request.current_password, request.new_password, request.refresh_token
        )
        return empty_pb2.Empty()

    async def DeleteMe(self, request: account_service_pb2.DeleteMeRequest, context: Context) -> empty_pb2.Empty:
        """End the account."""
        await self._leaving.delete(current_call().caller)
        return empty_pb2.Empty()

    async def ExportMe(self, request: account_service_pb2.ExportMeRequest, context: Context) -> httpbody_pb2.HttpBody:
        """Give everything that is kept of the caller."""
        document = await self._leaving.export(current_call().user_id)
        disposition = 'attachment; filename="plimsoll-account.json"'
        await context.send_initial_metadata((("content-disposition", disposition),))
        return httpbody_pb2.HttpBody(content_type="application/json", data=document.encode())


def _found(profile: Profile | None, user_id: str) -> Profile:
    if profile is None:
        raise NotFound("account", user_id)
    return profile
