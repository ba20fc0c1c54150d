"""Whose private instruments a call may see."""

import uuid

from chassis.call import current_call

NOBODY = str(uuid.UUID(int=0))
"""A viewer who owns nothing, for reads that need one."""


def viewer() -> str:
    """Give the id of the user who calls, or on whose behalf a service does. Empty: a service on nobody's behalf."""
    principal = current_call().principal
    return principal.user_id if principal else ""
