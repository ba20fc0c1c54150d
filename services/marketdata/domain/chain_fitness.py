"""Judging quotes and chains: those that are fit, and the others as rows for the quarantine."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.observation_checks import option_flaw, quote_flaw
from services.marketdata.domain.observations import ObservedOption, ObservedQuote, OptionChain
from services.marketdata.domain.row_json import row_json


def judge_quote(quote: ObservedQuote, source: str, now: datetime, last_close: float | None) -> RejectedRow | None:
    """Give a quote as a row for the quarantine if it is not fit to be stored."""
    flaw = quote_flaw(quote, now, last_close)
    if not flaw:
        return None
    return RejectedRow(
        kind=RowKind.QUOTE,
        symbol=quote.symbol,
        row_date=quote.quote_time.date(),
        row_json=row_json(asdict(quote)),
        source=source,
        reason=flaw,
    )


def judge_chain(
    chain: OptionChain, source: str, now: datetime
) -> tuple[Sequence[ObservedOption], Sequence[RejectedRow]]:
    """Give the contracts of a chain that are fit to be stored, each once, and the others with their reasons."""
    fit: dict[str, ObservedOption] = {}
    rejected = []
    for option in chain.options:
        if flaw := option_flaw(option, now):
            rejected.append(_rejected(option, chain, source, flaw))
        else:
            fit.setdefault(option.terms.symbol, option)
    return list(fit.values()), rejected


def _rejected(option: ObservedOption, chain: OptionChain, source: str, flaw: str) -> RejectedRow:
    return RejectedRow(
        kind=RowKind.OPTION_QUOTE,
        symbol=option.terms.symbol,
        row_date=chain.observed_time.date(),
        row_json=row_json(asdict(option)),
        source=source,
        reason=flaw,
    )
