"""Asks the public API for everything that a report tells of a portfolio."""

import asyncio

from cli.demo.rest import Api, Json
from cli.report.risk import QUESTIONS


async def fetch_report(api: Api, portfolio_id: str) -> dict[str, Json]:
    """Ask for everything that a report tells of a portfolio; answers by what they are of."""
    calls = {
        "complete": api.get(f"/api/v1/data/portfolio/{portfolio_id}/complete"),
        "overview": api.get(f"/api/v1/analytics/portfolio/{portfolio_id}/overview"),
    }
    for name, question in QUESTIONS.items():
        calls[name] = api.get(f"/api/v1/{question.path.format(portfolio_id=portfolio_id)}", **question.query)
    return dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))
