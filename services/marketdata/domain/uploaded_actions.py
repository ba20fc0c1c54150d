"""Rows of a file of corporate actions whose symbols nobody knows."""

from collections.abc import Mapping

import numpy as np

from services.marketdata.domain.csv_complaints import Complaints
from services.marketdata.domain.csv_table import days, read_chunks
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.occ import canonical


def rows_of_symbols(content: bytes, reasons: Mapping[str, str], source: str) -> list[RejectedRow]:
    """Give the rows of some canonical symbols, each with the reason that holds for its symbol."""
    rejected: list[RejectedRow] = []
    for chunk in read_chunks(content, ["symbol", "ex_date"]):
        complaints = Complaints(chunk, days(chunk.columns["ex_date"]), RowKind.CORPORATE_ACTION, source)
        told = [reasons.get(canonical(cell), "") for cell in chunk.columns["symbol"]]
        for reason in set(told) - {""}:
            complaints.add("symbol", np.array([one == reason for one in told]), reason)
        rejected += complaints.rows()
    return rejected
