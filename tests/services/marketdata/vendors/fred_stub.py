"""FRED, with its API and its graph downloads, as described in copies read on 2026-11-20."""

from datetime import date

from tests.services.marketdata.vendors import market
from tests.services.marketdata.vendors.stub import Reply, Request, Stub

KEY = "0123456789abcdefghijklmnopqrstuv"
"""32 characters, in lower case."""


class FredStub(Stub):
    """Serves both interfaces; the series are those of the small market."""

    def __init__(self) -> None:
        super().__init__(self._route)
        self.day_column = "observation_date"
        self.extra: dict[str, dict[str, str]] = {}

    def _route(self, request: Request) -> Reply:
        match request.path:
            case ["fred", "series", "observations"]:
                return self._observations(request.query)
            case ["graph", "fredgraph.csv"]:
                return self._graph(request.query)
            case _:
                return Reply(b"<!DOCTYPE html><title>Not Found</title>", 404, "text/html; charset=utf-8")

    def _rows(self, series_id: str, first: str, last: str) -> list[tuple[str, str]]:
        values = {str(day): value for day, value in market.YIELDS.get(series_id, {}).items()}
        within = [(day, value) for day, value in values.items() if first <= day <= last]
        return within + list(self.extra.get(series_id, {}).items())

    def _observations(self, query: dict[str, str]) -> Reply:
        """fred.stlouisfed.org/docs/api/fred/series_observations.html."""
        if query.get("api_key") != KEY:
            message = "Bad Request. The value for variable api_key is not registered."
            return Reply({"error_code": 400, "error_message": message}, 400)
        if query["series_id"] not in market.YIELDS:
            return Reply({"error_code": 400, "error_message": "Bad Request. The series does not exist."}, 400)
        rows = self._rows(query["series_id"], query["observation_start"], query["observation_end"])
        today = str(date(2023, 1, 10))
        return Reply(
            {
                "realtime_start": today,
                "realtime_end": today,
                "observation_start": query["observation_start"],
                "observation_end": query["observation_end"],
                "units": "lin",
                "output_type": 1,
                "file_type": query["file_type"],
                "order_by": "observation_date",
                "sort_order": "asc",
                "count": len(rows),
                "offset": 0,
                "limit": 100000,
                "observations": [
                    {"realtime_start": today, "realtime_end": today, "date": day, "value": value} for day, value in rows
                ],
            }
        )

    def _graph(self, query: dict[str, str]) -> Reply:
        """fred.stlouisfed.org/graph/fredgraph.csv; an empty cell stands for a missing value too."""
        rows = self._rows(query["id"], query["cosd"], query["coed"])
        text = f"{self.day_column},{query['id']}\n" + "".join(f"{day},{value}\n" for day, value in rows)
        return Reply(text.encode(), content_type="application/csv")
