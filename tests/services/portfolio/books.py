"""Portfolios and positions that the tests of their service make, in few words."""

from typing import Any

from plimsoll.portfolio.v1.portfolio_pb2 import Portfolio
from plimsoll.portfolio.v1.portfolio_service_pb2 import CreatePortfolioRequest, GetPortfolioRequest
from plimsoll.portfolio.v1.position_pb2 import Position
from plimsoll.portfolio.v1.position_service_pb2 import (
    BatchCreatePositionsRequest,
    CreatePositionRequest,
    ListPositionsRequest,
    NewPosition,
    UpdatePositionRequest,
)
from tests.services.portfolio.conftest import Client

NO_SUCH = "6f1b2c1e-1111-4222-8333-444455556666"


def new(symbol: str = "AAPL", quantity: float | None = 10, **fields: Any) -> NewPosition:
    """A position to enter: ten shares, bought for 100 on a Monday."""
    size = {} if quantity is None else {"quantity": quantity}
    return NewPosition(**{"symbol": symbol, "entry_price": 100, "entry_date": "2022-01-03", **size, **fields})


async def make(client: Client, name: str = "Growth", **fields: str) -> Portfolio:
    """An empty portfolio."""
    made: Portfolio = await client.portfolios.CreatePortfolio(CreatePortfolioRequest(name=name, **fields))
    return made


async def read(client: Client, portfolio_id: str) -> Portfolio:
    """A portfolio as it stands."""
    found: Portfolio = await client.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=portfolio_id))
    return found


async def enter(client: Client, portfolio_id: str, position: NewPosition | None = None, **fields: Any) -> Position:
    """A position that is entered."""
    request = CreatePositionRequest(portfolio_id=portfolio_id, position=position or new(), **fields)
    made: Position = await client.positions.CreatePosition(request)
    return made


async def update(client: Client, position_id: str, **fields: Any) -> Position:
    """A position that is changed."""
    changed: Position = await client.positions.UpdatePosition(UpdatePositionRequest(position_id=position_id, **fields))
    return changed


async def enter_all(client: Client, portfolio_id: str, *positions: NewPosition) -> list[Position]:
    """Positions that are entered together."""
    request = BatchCreatePositionsRequest(portfolio_id=portfolio_id, positions=positions)
    return list((await client.positions.BatchCreatePositions(request)).positions)


async def listed(client: Client, **fields: Any) -> list[Position]:
    """The positions of a list, all pages together."""
    found: list[Position] = []
    token = ""
    while True:
        page = await client.positions.ListPositions(ListPositionsRequest(page_token=token, **fields))
        found += page.positions
        if not (token := page.next_page_token):
            return found
