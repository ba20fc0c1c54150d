"""`plimsoll coverage`: how complete histories are, as a table."""

import asyncio
import os
from collections.abc import Sequence

from rich.console import Console

from cli.access import UserAccess, user_access
from cli.caller import signed_in
from cli.report.coverage import coverage_page
from cli.stack.home import Home
from plimsoll.marketdata.v1.marketdata_service_pb2 import AnalyzeCoverageRequest, CoverageReport
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceStub


def show(home: Home, symbols: Sequence[str], email: str) -> None:
    """Print the coverage of symbols, or of all that have prices.

    Raises:
        StackError: a service does not answer, or refuses.
    """
    report = asyncio.run(fetch(user_access(home, os.environ), symbols, email))
    Console().print(coverage_page(report))


async def fetch(access: UserAccess, symbols: Sequence[str], email: str) -> CoverageReport:
    """Ask marketdata, in the name of whoever signs in."""
    async with signed_in(access, email) as (channel, caller):
        request = AnalyzeCoverageRequest(symbols=symbols)
        report: CoverageReport = await MarketDataServiceStub(channel).AnalyzeCoverage(
            request, metadata=await caller.metadata()
        )
    return report
