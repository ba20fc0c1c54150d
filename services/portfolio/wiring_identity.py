"""The composition of identity: what the accounts of an installation are made of. Nothing connects here."""

import datetime
from dataclasses import dataclass

from chassis import api_keys as keys
from chassis import outbox
from chassis.counters import Counters
from chassis.database import Database
from chassis.repeating import Repeating
from chassis.server import Register
from plimsoll.identity.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from plimsoll.identity.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server
from plimsoll.identity.v1.api_key_service_pb2_grpc import add_ApiKeyServiceServicer_to_server
from plimsoll.identity.v1.event_service_pb2_grpc import add_EventServiceServicer_to_server
from plimsoll.identity.v1.identity_service_pb2_grpc import add_IdentityServiceServicer_to_server
from plimsoll.identity.v1.quota_service_pb2_grpc import add_QuotaServiceServicer_to_server
from plimsoll.identity.v1.token_service_pb2_grpc import add_TokenServiceServicer_to_server
from services.portfolio.application.accounts import Accounts
from services.portfolio.application.api_keys import ApiKeys
from services.portfolio.application.audit_chain import SEAL_SECONDS, AuditChain
from services.portfolio.application.audit_log import AuditLog
from services.portfolio.application.leaving import Leaving
from services.portfolio.application.login_attempts import LoginAttempts
from services.portfolio.application.members import Members
from services.portfolio.application.oidc_logins import OidcLogins
from services.portfolio.application.password_changes import PasswordChanges
from services.portfolio.application.passwords import Passwords
from services.portfolio.application.quotas import Quotas
from services.portfolio.application.signing import Signer
from services.portfolio.application.user_keys import UserKeys
from services.portfolio.handlers.account import AccountHandler
from services.portfolio.handlers.admin import AdminHandler
from services.portfolio.handlers.api_keys import ApiKeyHandler
from services.portfolio.handlers.events import EventHandler
from services.portfolio.handlers.identity import IdentityHandler
from services.portfolio.handlers.quotas import QuotaHandler
from services.portfolio.handlers.tokens import TokenHandler
from services.portfolio.ports import Clock, IdentityProvider
from services.portfolio.settings import Settings

FORGET_SECONDS = 3600.0
UNCOUNTED = ("/plimsoll.identity.v1.IdentityService/GetJwks",)
"""The gateway itself asks for the keys, from an address that clients may share; and they cost nothing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts, for the server and for the command line."""

    database: Database
    counters: Counters
    signer: Signer
    audit: AuditLog
    chain: AuditChain
    accounts: Accounts
    passwords: PasswordChanges
    members: Members
    api_keys: ApiKeys
    quotas: Quotas
    clock: Clock

    async def token_for_key(self, key: str) -> str:
        """Give what an API key is worth: this service asks itself, and not over the network."""
        token, _ = await self.api_keys.exchange(key)
        return token

    @property
    def key_exchange(self) -> keys.ApiKeys:
        """The keys that this process is shown."""
        return keys.ApiKeys(self.token_for_key)

    @property
    def background(self) -> list[Repeating]:
        """What goes on beside the calls."""
        return [
            Repeating("sealing the audit log", SEAL_SECONDS, self.chain.seal),
            Repeating("forgetting old events", FORGET_SECONDS, self._forget),
        ]

    async def _forget(self) -> None:
        async with self.database.transaction() as connection:
            await outbox.forget(connection)


def identity_of(settings: Settings, database: Database, clock: Clock) -> Identity:
    """Put identity together."""
    signer = Signer(database, settings.key_secret, settings.token_issuer, settings.access_token_seconds, clock)
    counters = Counters("plimsoll:identity", settings.redis_url)
    audit = AuditLog(UserKeys(settings.key_secret))
    attempts = LoginAttempts(counters, limited=settings.rate_limits == "on")
    passwords = Passwords(settings.password_hashes_at_once)
    accounts = Accounts(
        database,
        passwords,
        signer,
        audit,
        attempts,
        clock,
        registration_open=settings.registration == "open",
        refresh_life=datetime.timedelta(days=settings.refresh_token_days),
    )
    return Identity(
        database=database,
        counters=counters,
        signer=signer,
        audit=audit,
        chain=AuditChain(database),
        accounts=accounts,
        passwords=PasswordChanges(database, passwords, audit, attempts, clock),
        members=Members(audit),
        api_keys=ApiKeys(database, signer, audit, clock),
        quotas=Quotas(
            database,
            clock,
            {
                "public": settings.calls_per_day_public,
                "registered": settings.calls_per_day_registered,
                "paid": settings.calls_per_day_paid,
            },
        ),
        clock=clock,
    )


def servicers(identity: Identity, settings: Settings, provider: IdentityProvider | None) -> list[Register]:
    """Give what serves the contract of identity."""
    database, audit, clock = identity.database, identity.audit, identity.clock
    sessions = IdentityHandler(
        identity.accounts,
        OidcLogins(database, identity.accounts, audit, provider),
        identity.signer,
        settings.access_token_seconds,
        secure_cookie=settings.secure_cookie,
    )
    account = AccountHandler(database, identity.passwords, Leaving(database, audit, clock))
    return [
        (add_IdentityServiceServicer_to_server, sessions),
        (add_AccountServiceServicer_to_server, account),
        (add_ApiKeyServiceServicer_to_server, ApiKeyHandler(database, identity.api_keys)),
        (add_AdminServiceServicer_to_server, AdminHandler(database, identity.members, audit)),
        (add_TokenServiceServicer_to_server, TokenHandler(identity.accounts, identity.api_keys, identity.signer)),
        (add_QuotaServiceServicer_to_server, QuotaHandler(identity.quotas)),
        (add_EventServiceServicer_to_server, EventHandler(database)),
    ]
