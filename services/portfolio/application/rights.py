"""What only a person may do with an account, and only one who has just proved who they are."""

import datetime

from chassis.call import Principal
from chassis.errors import PermissionDenied, Unauthenticated
from services.portfolio.domain.user import RECENT_LOGIN


def require_person(principal: Principal) -> None:
    """Make sure that the user acts in person.

    Raises:
        PermissionDenied: an API key or a service acts in the user's stead.
    """
    if principal.actor:
        message = "this concerns the account itself: sign in, an API key is not enough"
        raise PermissionDenied("PERMISSION_INSUFFICIENT", message, needs="a signed-in user")


def require_recent_login(principal: Principal, now: datetime.datetime) -> None:
    """Make sure that the user has proved who they are within the last minutes.

    Raises:
        Unauthenticated: the session is older.
    """
    if now.timestamp() - principal.login_time > RECENT_LOGIN.total_seconds():
        seconds = int(RECENT_LOGIN.total_seconds())
        message = f"this needs a login of the last {seconds} seconds: log in again"
        raise Unauthenticated("LOGIN_NOT_RECENT", message, limit_seconds=seconds)
