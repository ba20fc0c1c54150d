"""FRED of the Federal Reserve Bank of St. Louis: Treasury par yields (H.15) and rates of exchange (H.10).

With a key its API answers (fred.stlouisfed.org/docs/api/fred/series_observations.html); without one the CSV behind the
download button of a graph, which is meant for people: slower, and now and then not there. Both mark a day without a
value with a dot.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import date
from functools import partial

import numpy as np

from chassis.errors import InvalidRequest
from services.marketdata.clients.vendors.asking import Answer, ask_for_each
from services.marketdata.clients.vendors.clock import Deadline
from services.marketdata.clients.vendors.columns import in_order
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.clients.vendors.fred_series import YIELDS, pair_series
from services.marketdata.clients.vendors.replies import Content
from services.marketdata.clients.vendors.rows import BadField, Row, RowReader, iso_day, rows_of, text
from services.marketdata.clients.vendors.vendor_http import VendorHttp
from services.marketdata.domain.bars import Days, Prices
from services.marketdata.domain.csv_table import plain_number, read_chunks
from services.marketdata.domain.fetched import Fetched, Reason, RejectedRow, RowKind
from services.marketdata.domain.observations import FxSeries, YieldSeries, from_per_cent

NAME = "fred"
KEY_PARAMETER = "api_key"
NO_VALUE = ("", ".")
DAY_COLUMNS = ("observation_date", "date")
"""The graph's name for it now, and until December 2024."""
Columns = tuple[Days, Prices]


class FredProvider:
    """Yields by tenor, and rates by currency pair."""

    name = NAME

    def __init__(self, http: VendorHttp, *, has_key: bool) -> None:
        self._http = http
        self._observations = self._from_api if has_key else self._from_graph

    async def fetch_yields(self, tenors: Collection[str], first: date, last: date) -> Fetched[YieldSeries]:
        """Fetch par yields."""
        deadline = self._http.deadline()

        async def ask(tenor: str) -> Answer[YieldSeries]:
            if tenor not in YIELDS:
                raise FetchFailed(Reason.UNKNOWN_SYMBOL, "FRED has no such series")
            rows = await self._observations(YIELDS[tenor], first, last, deadline)
            columns, rejected = await asyncio.to_thread(_columns, RowKind.YIELD, tenor, rows)
            if columns is None:
                return Answer(None, rejected)
            days, per_cent = columns
            return Answer(YieldSeries(tenor, days, from_per_cent(per_cent)), rejected)

        return await ask_for_each(self.name, "yields", tenors, ask)

    async def fetch_fx_rates(self, pairs: Collection[str], first: date, last: date) -> Fetched[FxSeries]:
        """Fetch the rates at noon in New York of pairs with the dollar."""
        deadline = self._http.deadline()

        async def ask(pair: str) -> Answer[FxSeries]:
            series = pair_series(pair)
            if series is None:
                raise FetchFailed(Reason.UNKNOWN_SYMBOL, "FRED has no such series")
            rows = await self._observations(series.series_id, first, last, deadline)
            columns, rejected = await asyncio.to_thread(_columns, RowKind.FX, pair, rows)
            if columns is None:
                return Answer(None, rejected)
            days, quoted = columns
            return Answer(FxSeries(pair[:3], pair[3:], days, _inverse(quoted) if series.inverted else quoted), rejected)

        return await ask_for_each(self.name, "exchange rates", pairs, ask)

    async def _from_api(self, series_id: str, first: date, last: date, deadline: Deadline) -> list[object]:
        """Get observations: objects with `date` and `value`, both texts."""
        url = self._http.url(
            *("fred", "series", "observations"),
            series_id=series_id,
            file_type="json",
            observation_start=first.isoformat(),
            observation_end=last.isoformat(),
        )
        page = await self._http.get_json(url, deadline)
        if not isinstance(page, dict) or "observations" not in page:
            raise FetchFailed(Reason.MALFORMED, "the answer has no observations")
        return rows_of(page, "observations")

    async def _from_graph(self, series_id: str, first: date, last: date, deadline: Deadline) -> list[object]:
        """Get the same from the CSV of a graph."""
        url = self._http.url("graph", "fredgraph.csv", id=series_id, cosd=first.isoformat(), coed=last.isoformat())
        return await asyncio.to_thread(_graph_rows, await self._http.get(url, deadline, Content.CSV), series_id)


def _graph_rows(body: bytes, series_id: str) -> list[object]:
    rows: list[object] = []
    try:
        for chunk in read_chunks(body, [series_id.lower()]):
            day_column = next((name for name in DAY_COLUMNS if name in chunk.columns), "")
            if not day_column:
                raise FetchFailed(Reason.MALFORMED, "the CSV has no column of days")
            cells = zip(chunk.columns[day_column], chunk.columns[series_id.lower()], strict=True)
            rows += [{"date": day, "value": value} for day, value in cells]
    except InvalidRequest as error:
        raise FetchFailed(Reason.MALFORMED, error.message[:200]) from None
    return rows


def _columns(kind: RowKind, key: str, rows: Sequence[object]) -> tuple[Columns | None, Sequence[RejectedRow]]:
    """Read observations in order; days without a value are left out. A rejected yield is of no symbol."""
    reader = RowReader(NAME, kind, key if kind is RowKind.FX else "")
    read = reader.read(rows, lambda row: iso_day(row, "date"), partial(_observation, key))
    known = [(day, value) for day, value in read if value is not None]
    if not known:
        return None, reader.rejected
    return in_order([day for day, _ in known], np.array([value for _, value in known])), reader.rejected


def _observation(key: str, row: Row, day: date) -> tuple[date, float | None]:
    cell = text(row, "value")
    if cell in NO_VALUE:
        return day, None
    value = plain_number(cell)
    if value is None:
        raise BadField(key, cell, "not_a_number")
    return day, value


def _inverse(rates: Prices) -> Prices:
    """Turn rates round; one of 0 becomes infinite, which the checks find."""
    with np.errstate(divide="ignore"):
        inverse: Prices = 1 / rates
    return inverse
