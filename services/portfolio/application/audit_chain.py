"""Chaining the audit log, a little after its lines were written, and checking that the chain still holds."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from services.portfolio.domain.audit import NO_HASH, AuditEvent, Seal, chain_hash, seal
from services.portfolio.storage import audit_log

LARGEST_SEAL = 1000
SEALS_AT_ONCE = 200
SEAL_SECONDS = 10.0
MOST_PROBLEMS = 20


@dataclass(slots=True)
class Verification:
    """What was found of the log."""

    seals: int = 0
    events: int = 0
    waiting: int = 0
    """Lines that wait for the next seal."""
    head: bytes = NO_HASH
    """Hash of the newest seal. Whoever notes it elsewhere can tell later that nothing before it was changed."""
    found_noted: bool = True
    """Whether the chain goes through the hash that was noted earlier, if one was."""
    problems: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was changed, dropped or slipped in."""
        return self.found_noted and not self.problems

    def note(self, problem: str) -> None:
        """Add a problem, of the first few."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


class AuditChain:
    """The chain of seals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seal(self) -> Seal | None:
        """Chain the lines that no seal chains yet; None if there is none, or another process is at it."""
        async with self._database.transaction() as connection:
            if not await audit_log.lock_seals(connection):
                return None
            events = await audit_log.unsealed(connection, LARGEST_SEAL)
            if not events:
                return None
            made = seal(await audit_log.newest_seal(connection), events)
            await audit_log.add_seal(connection, made)
        return made

    async def verify(self, noted: bytes | None = None) -> Verification:
        """Compute the whole chain again, and say what does not fit.

        Args:
            noted: a head that was noted earlier; the chain must go through it. None: nothing was noted.
        """
        found = Verification(found_noted=noted is None)
        seen: set[int] = set()
        async with self._database.transaction() as connection:
            while links := await audit_log.seals_after(connection, found.seals, SEALS_AT_ONCE):
                await self._check(connection, links, found, seen)
                found.found_noted = found.found_noted or any(link.hash == noted for link in links)
            found.waiting, passed_by = await audit_log.count_unsealed(connection)
        if passed_by:
            found.note(f"{passed_by} lines are in no seal although later ones are: they were slipped in")
        return found

    async def _check(self, connection: AsyncConnection, links: list[Seal], found: Verification, seen: set[int]) -> None:
        events = await audit_log.events_by_id(connection, {number for link in links for number in link.event_ids})
        for link in links:
            found.seals += 1
            if link.seal_number != found.seals:
                found.note(f"seal {found.seals} is missing")
                found.seals = link.seal_number
            _check_link(link, events, found, seen)
            found.head = link.hash


def _check_link(link: Seal, events: dict[int, AuditEvent], found: Verification, seen: set[int]) -> None:
    name = f"seal {link.seal_number}"
    if missing := [number for number in link.event_ids if number not in events]:
        found.note(f"{name}: {len(missing)} of its lines are missing, the first is {missing[0]}")
    if twice := [number for number in link.event_ids if number in seen]:
        found.note(f"{name}: line {twice[0]} was sealed before")
    if link.previous_hash != found.head:
        found.note(f"{name} does not follow the seal before it")
    present = [events[number] for number in link.event_ids if number in events]
    if not missing and chain_hash(link.previous_hash, link.seal_number, present) != link.hash:
        found.note(f"{name}: one of its {len(present)} lines was changed, or the seal itself")
    seen.update(link.event_ids)
    found.events += len(present)
