"""Asks the public API for everything that a report tells of a portfolio."""

import asyncio
from typing import Final

from cli.demo.rest import Api, Json
from cli.report.risk import QUESTIONS

ALL: Final = "all"
"""Stands for the id of a portfolio where every portfolio is meant."""


async def fetch_report(api: Api, portfolio_id: str) -> dict[str, Json]:
    """Ask for everything that a report tells of a portfolio, or of all as one; answers by what they are of."""
    calls = {"overview": api.get(f"/api/v1/analytics/portfolio/{portfolio_id}/overview")}
    if portfolio_id != ALL:
        calls["complete"] = api.get(f"/api/v1/data/portfolio/{portfolio_id}/complete")
    for name, question in QUESTIONS.items():
        calls[name] = api.get(f"/api/v1/{question.path.format(portfolio_id=portfolio_id)}", **question.query)
    return dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))
