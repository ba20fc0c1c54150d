"""Giving out portfolios as files, and noting each in the history."""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.portfolio.application.import_positions import EXCHANGE_ZONE
from services.portfolio.application.valuation import Books
from services.portfolio.domain.exports import csv_file, json_file, xlsx_file
from services.portfolio.domain.exports.file_names import file_name
from services.portfolio.domain.exports.history import File, Scope
from services.portfolio.domain.exports.portfolio_contents import SECTIONS, Format, PortfolioContents
from services.portfolio.domain.yaml_files import writing
from services.portfolio.domain.yaml_files.writing import Snapshot
from services.portfolio.ports import Clock
from services.portfolio.storage import cash_maps, contents, exports, portfolios, risk_settings

Sections = tuple[str, ...]
Renderer = Callable[[PortfolioContents, Sections], bytes]
RENDERERS: Mapping[Format, Renderer] = {
    "csv": lambda found, sections: csv_file.render(found.only(sections)),
    "xlsx": lambda found, sections: xlsx_file.render(found.only(sections), sections),
    "json": json_file.render,
}
CONTENT_TYPES: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "yaml": "application/yaml",
}


class PortfolioExports:
    """Gives out portfolios as files."""

    def __init__(self, database: Database, books: Books, clock: Clock) -> None:
        self._database = database
        self._books = books
        self._clock = clock

    async def export(self, owner_id: str, portfolio_id: str, revision: int, kind: Format, named: Sequence[str]) -> File:
        """Give a portfolio at a revision as a file.

        Args:
            owner_id: whose portfolio.
            portfolio_id: which.
            revision: 0 is the newest.
            kind: the format.
            named: sections. None: all that the format has.

        Raises:
            InvalidFields: the format has no such section.
            NotFound: there is no such portfolio, or it is another's.
            OutOfRange: it has no such revision.
        """
        sections = chosen_sections(kind, named)
        found = await self._read(owner_id, portfolio_id, revision)
        render = await self._yaml(found) if kind == "yaml" else RENDERERS[kind]
        # Ten thousand positions take up to a second: not on the event loop.
        content = await asyncio.to_thread(render, found, sections)
        portfolio = found.portfolio
        scope = Scope(str(uuid.uuid4()), "PORTFOLIO", portfolio, kind, sections)
        async with self._database.transaction(owner_id) as connection:
            await exports.add(connection, owner_id, scope.made(content, self._clock()))
        return File(file_name(portfolio.name, kind), CONTENT_TYPES[kind], content)

    async def _read(self, owner_id: str, portfolio_id: str, revision: int) -> PortfolioContents:
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, portfolio_id, revision)
            positions, cash, movements = (await contents.every(connection, owner_id, [portfolio]))[portfolio_id]
            return PortfolioContents(
                portfolio=portfolio,
                positions=tuple(positions),
                cash=tuple(cash),
                movements=tuple(movements),
                limits=(await risk_settings.limits_of(connection, portfolio))[0],
                proxies={s: p for s, (p, _) in (await risk_settings.proxies_of(connection, portfolio)).items()},
                expected=tuple(await risk_settings.expected_of(connection, portfolio, None)),
                cash_map=await cash_maps.get(connection, portfolio),
            )

    async def _yaml(self, found: PortfolioContents) -> Renderer:
        """Give what writes a portfolio on its last day, or where it has none today; in the shares of that day."""
        today = self._clock().astimezone(EXCHANGE_ZONE).date()
        day = min(found.portfolio.end_date or today, today)
        book = await self._books.on(day, found.portfolio, data_version=0)
        return lambda contents, sections: writing.render(Snapshot(contents, book, day), sections)


def chosen_sections(kind: Format, named: Sequence[str]) -> Sections:
    """Give the sections that were named, in the order of the format.

    Raises:
        InvalidFields: the format has no such section.
    """
    wanted = [name for text in named for name in text.split(",")]
    there = SECTIONS[kind]
    wrong = [name for name in wanted if name not in there]
    if wrong:
        raise InvalidFields([Violation("sections", name, f"is none of {', '.join(there)} ({kind})") for name in wrong])
    return tuple(name for name in there if name in wanted) if wanted else there
