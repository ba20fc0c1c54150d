"""Saving an imported file into a portfolio, as one revision."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.application.import_positions import Importer
from services.portfolio.domain.imported import Import
from services.portfolio.domain.portfolio import Portfolio, Terms
from services.portfolio.storage import contents, events, portfolios


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, and the portfolio it is for: a new one by name, or one that exists."""

    portfolio_name: str
    portfolio_id: str
    base_currency: str
    content: bytes


class Uploads:
    """Imports files into portfolios."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    async def read(self, upload: Upload) -> Import:
        """Read and check the file; outside any transaction, because it asks marketdata."""
        return await self._importer.read(upload.content)

    async def save(self, connection: AsyncConnection, owner_id: str, upload: Upload, read: Import) -> Portfolio | None:
        """Save what was good in a file. Nothing was: no portfolio is made, none is changed, and a new one is None.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            AlreadyExists: the owner has a portfolio of that name.
        """
        if upload.portfolio_id:
            portfolio = await portfolios.lock(connection, owner_id, upload.portfolio_id)
            if read.empty:
                return portfolio
        elif read.empty:
            return None
        else:
            terms = Terms(upload.portfolio_name)
            portfolio = await portfolios.add(connection, owner_id, upload.base_currency, terms)
        count = portfolio.position_count + len(read.positions)
        portfolio = await portfolios.revise(connection, portfolio, portfolio.terms, count, "imported")
        await contents.add_positions(connection, portfolio, read.positions)
        await contents.state_cash(connection, portfolio, read.cash)
        await events.import_completed(connection, owner_id, portfolio.portfolio_id, portfolio.revision)
        return portfolio
