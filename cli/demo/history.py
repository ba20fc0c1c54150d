"""The past of the demo's books: made once, from their entry dates on, and read as performance."""

from google.protobuf.json_format import ParseDict

from cli.demo.rest import Api
from plimsoll.risk.v1.performance_pb2 import Performance

LONG_AGO = "2000-01-01"
"""Before the first trade of any book, where a range of snapshots then begins."""


async def fetch_performance(api: Api, portfolio_id: str) -> Performance:
    """What a portfolio has earned; where nobody has looked back yet, that is done first."""
    performance = await _read(api, portfolio_id)
    if performance.reason == "no_snapshots":
        start = LONG_AGO
        while start:
            taken = await api.post(f"/api/v1/portfolios/{portfolio_id}/snapshots", {"start_date": start})
            start = taken["next_start_date"]
        performance = await _read(api, portfolio_id)
    return performance


async def _read(api: Api, portfolio_id: str) -> Performance:
    answer = await api.get(f"/api/v1/analytics/portfolio/{portfolio_id}/performance")
    return ParseDict(answer, Performance(), ignore_unknown_fields=True)
