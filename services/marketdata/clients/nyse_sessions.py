"""A program: `python -m services.marketdata.clients.nyse_sessions FIRST LAST` writes a line for each session between
two days, with its date and closing time in UTC. It runs as a child of the service (see `nyse`), so its import is heavy
on purpose and nothing else may import it.
"""

import sys

import exchange_calendars  # type: ignore[import-untyped] # it has no types


def main(first: str, last: str) -> None:
    """Write the sessions of the New York Stock Exchange."""
    closes = exchange_calendars.get_calendar("XNYS", start=first, end=last).closes
    for day, close_time in closes.items():
        sys.stdout.write(f"{day.date().isoformat()} {close_time.isoformat()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
