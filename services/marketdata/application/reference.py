"""Reference sets of an installation: our defaults, until an admin replaces them."""

import asyncio
from importlib.resources.abc import Traversable

from chassis.database import Database
from chassis.errors import CannotStart
from services.marketdata.domain.reference import InvalidReference
from services.marketdata.reference.defaults import OURS, read_defaults
from services.marketdata.storage import reference_sets


async def put_defaults(database: Database, folder: Traversable = OURS) -> None:
    """Make every set that no admin has replaced say what our defaults say.

    Args:
        database: where they are.
        folder: where our defaults stand.

    Raises:
        CannotStart: a default says something that we do not know of.
    """
    try:
        defaults = await asyncio.to_thread(read_defaults, folder)
    except InvalidReference as error:
        raise CannotStart(f"a default reference set cannot be used: {error}") from None
    async with database.transaction() as connection:
        for kind, entries in defaults.items():
            await reference_sets.put_default(connection, kind, entries)
