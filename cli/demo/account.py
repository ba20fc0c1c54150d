"""The account that owns the demo's portfolios. It is made here and nowhere else, the way any account is: by REST."""

from dataclasses import dataclass

from chassis.settings import Secret
from cli.demo.rest import Api, ApiError

EMAIL = "demo@plimsoll.example"


@dataclass(frozen=True, slots=True)
class Account:
    """What one needs to sign in."""

    email: str
    password: Secret


async def sign_in(api: Api, account: Account) -> None:
    """Signs in; registers first where the account does not exist yet."""
    try:
        await log_in(api, account)
    except ApiError as refused:
        if refused.reason != "CREDENTIALS_INVALID":
            raise
        await _register(api, account)
        await log_in(api, account)


async def log_in(api: Api, account: Account) -> None:
    """Signs in to an account that exists."""
    session = await api.post("/api/v1/auth/login", _credentials(account))
    api.authorise(session["access_token"])


async def _register(api: Api, account: Account) -> None:
    try:
        await api.post("/api/v1/auth/register", {**_credentials(account), "display_name": "Demo"})
    except ApiError as refused:
        if refused.reason == "RESOURCE_EXISTS":
            raise ApiError(
                f"{account.email} is registered in this database with another password than this home's", refused.reason
            ) from refused
        raise


def _credentials(account: Account) -> dict[str, str]:
    return {"email": account.email, "password": account.password}
