"""One chunk of a sync on its way: what is known of its symbols, what was fetched, what is news, and what came of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.marketdata.application.fetching import Plan
from services.marketdata.application.judging import BarNews
from services.marketdata.application.listings import Listed
from services.marketdata.domain.action_news import ActionNews, KnownAction
from services.marketdata.domain.bars import BarSeries, Days
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, Reason, RejectedRow
from services.marketdata.storage.ingestion import Stored


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one symbol."""

    symbol: str
    stored_count: int = 0
    """Bars and corporate actions."""
    quarantined_count: int = 0
    provider: str = ""
    """Who answered. Empty: nobody did, or nobody had to be asked."""
    reason: str = ""
    """Why nothing of it could be fetched. Empty: it could, or nothing was missing."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a chunk brought."""

    data_version: int
    """Version that the new rows stand under. 0: nothing was new."""
    outcomes: Sequence[Outcome]
    last_session: date | None
    """Last session that any of the symbols has now."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """The symbols of a chunk, and what is known of them before."""

    symbols: Sequence[str]
    listed: Listed
    closed: Days
    """Every session that has closed, in order."""
    planned: Plan
    actions: Mapping[str, Sequence[KnownAction]]


@dataclass(frozen=True, slots=True, eq=False)
class FetchedChunk:
    """What sources answered."""

    bar_order: Sequence[str]
    """Who was asked for bars."""
    bars: Fetched[BarSeries]
    action_order: Sequence[str]
    """Who was asked for corporate actions. Empty: nobody."""
    actions: Fetched[Sequence[CorporateAction]]

    def answered(self) -> list[str]:
        """Give the symbols of which all bars that there are have been given: that may be none."""
        of_the_symbol = [symbol for symbol, reason in self.bars.failed.items() if not reason.is_of_the_source]
        return [*self.bars.found, *of_the_symbol]


@dataclass(frozen=True, slots=True, eq=False)
class ChunkNews:
    """What of it is to be stored."""

    bars: BarNews
    actions: ActionNews
    unreadable: Sequence[RejectedRow]
    """Rows of bars that the sources themselves could not read."""

    @property
    def rejected(self) -> list[RejectedRow]:
        """All rows for the quarantine."""
        return [*self.unreadable, *self.bars.rejected, *self.actions.rejected]


def outcomes(chunk: Chunk, fetched: FetchedChunk, news: ChunkNews, stored: Stored) -> list[Outcome]:
    """Say what became of each symbol, in the order asked for."""
    rejected = Counter(row.symbol for row in news.rejected)
    actions = stored.others[0] if stored.others else Counter()

    def outcome(symbol: str) -> Outcome:
        instrument_id = chunk.listed.ids.get(symbol, 0)
        return Outcome(
            symbol=symbol,
            stored_count=stored.bars.get(instrument_id, 0) + actions[instrument_id],
            quarantined_count=rejected[symbol],
            provider=fetched.bars.sources.get(symbol, ""),
            reason=_reason(symbol, chunk, fetched),
        )

    return [outcome(symbol) for symbol in chunk.symbols]


def _reason(symbol: str, chunk: Chunk, fetched: FetchedChunk) -> str:
    if symbol in chunk.listed.failed:
        return chunk.listed.failed[symbol]
    reason = fetched.bars.failed.get(symbol)
    if reason is Reason.NO_HISTORY and len(chunk.planned.held[symbol].days):
        return ""  # there is nothing beyond what we have
    return str(reason or "")
