"""`python -m benchmarks`: runs every benchmark, or the one that is named, with its own options after the name."""

import sys
from collections.abc import Callable

from rich.console import Console

from benchmarks import (
    analytics,
    load_overview,
    login,
    market_ingest,
    market_reads,
    options,
    portfolio_analytics,
    portfolio_positions,
    portfolio_upload,
    risk_batch,
)
from benchmarks.measurement import CannotMeasure, Measurement, show, write
from cli.demo.rest import ApiError
from cli.stack.errors import StackError

BENCHMARKS: dict[str, Callable[[list[str]], Measurement]] = {
    "load_overview": load_overview.measure_from_command_line,
    "login": login.measure_from_command_line,
    "portfolio_reads": portfolio_positions.portfolio_reads,
    "batch_create": portfolio_positions.batch_create,
    "portfolio_analytics": portfolio_analytics.portfolio_analytics,
    "risk_loop": portfolio_analytics.risk_loop,
    "risk_batch": risk_batch.risk_batch,
    "upload": portfolio_upload.upload,
    "ingest": market_ingest.ingest,
    "price_matrix": market_reads.price_matrix,
    "quotes": market_reads.quotes,
    "european_options": options.european_options,
    "american_options": options.american_options,
    "implied_volatilities": options.implied_volatilities,
    "factor_regression": analytics.factor_regression,
    "correlation": analytics.correlation,
    "ewma": analytics.ewma,
    "tail": analytics.tail,
    "aggregation": analytics.aggregation,
}


def main(arguments: list[str]) -> int:
    """Runs benchmarks, prints a table of each and writes it as JSON. Exit code: 0 all were measured, 1 not all."""
    name, *options = arguments or [""]
    if name and name not in BENCHMARKS:
        sys.exit(f"there is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    console = Console()
    failed = False
    for benchmark in [name] if name else list(BENCHMARKS):
        try:
            measurement = BENCHMARKS[benchmark](options)
        except (ApiError, CannotMeasure, StackError) as error:
            console.print(f"{benchmark} was not measured: {error}", style="red", markup=False, soft_wrap=True)
            failed = True
            continue
        show(measurement, console)
        console.print(f"written to {write(measurement)}", highlight=False, soft_wrap=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
