"""Listing positions by filter and group. Sectors are known to marketdata alone, so it is asked where they matter."""

from dataclasses import dataclass

from chassis.database import Database
from services.portfolio.domain.book import Position
from services.portfolio.domain.listing import Filter, Group, GroupBy, grouped
from services.portfolio.ports import MarketData
from services.portfolio.storage import portfolios, positions
from services.portfolio.storage.positions import Place, Scope


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to list."""

    portfolio_id: str
    portfolio_revision: int
    filter: Filter
    group_by: GroupBy | None
    after: Place | None
    size: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of positions, the groups of all pages, and the place where the next one begins after."""

    positions: list[Position]
    groups: list[Group]
    next_after: Place | None


class PositionLists:
    """Lists positions."""

    def __init__(self, database: Database, marketdata: MarketData) -> None:
        self._database = database
        self._marketdata = marketdata

    async def page(self, owner_id: str, wanted: Wanted) -> Page:
        """Give a page of an owner's positions.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            OutOfRange: it has no such revision.
        """
        scope = await self._scope(owner_id, wanted)
        sectors = await self._sectors(scope) if wanted.filter.sectors or wanted.group_by == "sector" else {}
        of_sectors = [number for number, sector in sectors.items() if sector in wanted.filter.sectors]
        async with self._database.transaction(owner_id) as connection:
            found = await positions.listed(
                connection,
                scope,
                wanted.filter,
                instrument_ids=of_sectors if wanted.filter.sectors else None,
                # Groups are of all pages: then all positions are read, and the page is cut from them.
                after=None if wanted.group_by else wanted.after,
                size=None if wanted.group_by else wanted.size + 1,
            )
        groups = grouped([position for _, position in found], wanted.group_by, sectors) if wanted.group_by else []
        following = [entry for entry in found if wanted.after is None or _key(entry[0]) > _key(wanted.after)]
        shown = following[: wanted.size]
        more = len(following) > wanted.size
        return Page([position for _, position in shown], groups, shown[-1][0] if more else None)

    async def _scope(self, owner_id: str, wanted: Wanted) -> Scope:
        if not wanted.portfolio_id:
            return Scope(owner_id)
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, wanted.portfolio_id, wanted.portfolio_revision)
        return Scope(owner_id, portfolio)

    async def _sectors(self, scope: Scope) -> dict[int, str]:
        async with self._database.transaction(scope.owner_id) as connection:
            ids = await positions.instrument_ids_of(connection, scope)
        found = await self._marketdata.instruments(ids) if ids else {}
        return {number: instrument.sector for number, instrument in found.items()}


def _key(place: Place) -> tuple[str, int]:
    return place.portfolio_id, place.ordinal
