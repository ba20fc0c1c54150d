"""Computes a result again from what it was computed from, and says whether it comes out the same, or what changed.

Nothing that is kept is used: the book and every slice of the market are read anew, at the revision, the session and the
version that the ledger names, and the arithmetic runs in a process that has computed nothing else.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from chassis.errors import NotFound
from services.risk.application.gathering import Gathering
from services.risk.domain.analysis import Analysis
from services.risk.domain.inputs import Inputs
from services.risk.domain.joined_book import PARTS
from services.risk.domain.ledger import StoredResult
from services.risk.domain.result_id import MODEL_VERSION, Resolved, this_platform
from services.risk.ports import Books, Ledger, Market, Snapshots

Verdict = Literal["IDENTICAL", "INPUT_CHANGED", "PAYLOAD_ALTERED"]
Recompute = Callable[[Resolved, Inputs], Awaitable[bytes]]
"""Gives the serialised answer, computed in a fresh process."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay."""

    result_id: str
    verdict: Verdict
    changed: tuple[str, ...]
    """Names of what is not what it was."""
    stored_digest: str
    """SHA-256, in hex, of the payload in the ledger."""
    replayed_digest: str
    """SHA-256, in hex, of the payload that was computed now."""


class Replays:
    """Replays results of the ledger."""

    def __init__(
        self,
        books: Books,
        market: Market,
        ledger: Ledger,
        analyses: Mapping[str, Analysis[Any]],
        recompute: Recompute,
        snapshots: Snapshots,
    ) -> None:
        self._market = market
        self._ledger = ledger
        self._gathering = Gathering(books, market, snapshots)
        self._analyses = analyses
        self._recompute = recompute

    async def replay(self, owner_id: str, result_id: str) -> Replay:
        """Compute a result again.

        Raises:
            NotFound: the owner has no such result.
            What the ports raise: the portfolio may be gone.
        """
        stored = await read(self._ledger, owner_id, result_id)
        inputs = await self._inputs(stored)
        resolved = Resolved(
            kind=stored.kind,
            owner_id=owner_id,
            portfolio_id=stored.portfolio_id,
            portfolio_revision=stored.portfolio_revision,
            as_of_date=stored.as_of_date.isoformat(),
            parameters=stored.parameters,
        )
        payload = await self._recompute(resolved, inputs)
        changed = _changed(stored, inputs.digests())
        identical = payload == stored.payload
        verdict: Verdict = "IDENTICAL" if identical else "INPUT_CHANGED" if changed else "PAYLOAD_ALTERED"
        return Replay(result_id, verdict, () if identical else changed, _sha256(stored.payload), _sha256(payload))

    async def _inputs(self, stored: StoredResult) -> Inputs:
        analysis = self._analyses[stored.kind]
        session = await self._market.resolve(stored.as_of_date)
        pinned = replace(session, data_version=stored.pinned_data_version)
        parts = stored.parameters.get(PARTS)
        book = await self._gathering.book(
            stored.portfolio_id, stored.portfolio_revision, pinned, parts=parts, anew=True
        )
        needs = analysis.needs(msgspec.convert(stored.parameters, analysis.parameters))
        return await self._gathering.inputs(stored.owner_id, book, pinned, needs, anew=True)


async def read(ledger: Ledger, owner_id: str, result_id: str) -> StoredResult:
    """Give an owner's result.

    Raises:
        NotFound: there is none of that id.
    """
    stored = await ledger.find(owner_id, result_id)
    if stored is None:
        raise NotFound("result", result_id)
    return stored


def _changed(stored: StoredResult, digests: Mapping[str, str]) -> tuple[str, ...]:
    names = [name for name in stored.digests if digests.get(name) != stored.digests[name]]
    if stored.model_version != MODEL_VERSION:
        names.append("model_version")
    if stored.platform != this_platform():
        names.append("platform")
    return tuple(names)


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
