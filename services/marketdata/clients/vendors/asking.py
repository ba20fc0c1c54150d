"""Asking for many keys, some at a time: each is found or has failed for a reason, and none takes the others with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.domain.fetched import Fetched, Reason, RejectedRow, fetched_from
from services.marketdata.domain.symbols import can_be_symbol

T = TypeVar("T")
PARALLEL = 4
"""Calls to one provider under way at once, for one fetch."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a source said of one key."""

    value: T | None
    """None: it has nothing of what was asked."""
    rejected: Sequence[RejectedRow] = ()


Ask = Callable[[Sequence[str]], Awaitable[Mapping[str, Answer[T]]]]
"""Asks for some keys at once. A key that is not in the answer is unknown to the source."""


async def ask_in_chunks(source: str, subject: str, keys: Collection[str], size: int, ask: Ask[T]) -> Fetched[T]:
    """Ask for keys, `size` of them with each call.

    Args:
        source: name of the provider.
        subject: what is asked for, for the log.
        keys: of any form: those that can be no symbol are not asked for.
        size: keys of a call.
        ask: makes a call; a `FetchFailed` that it raises is the reason of all its keys.
    """
    sound = [key for key in dict.fromkeys(keys) if can_be_symbol(key)]
    failures = {key: FetchFailed(Reason.INVALID_SYMBOL, "no symbol") for key in keys if not can_be_symbol(key)}
    answers: dict[str, Answer[T]] = {}
    turns = asyncio.Semaphore(PARALLEL)

    async def ask_for(chunk: Sequence[str]) -> None:
        async with turns:
            try:
                answered = await ask(chunk)
            except FetchFailed as failure:
                failures.update(dict.fromkeys(chunk, failure))
                return
        for key in chunk:
            if key in answered:
                answers[key] = answered[key]
            else:
                failures[key] = FetchFailed(Reason.UNKNOWN_SYMBOL, "the source does not know it")

    async with asyncio.TaskGroup() as tasks:
        for start in range(0, len(sound), size):
            tasks.create_task(ask_for(sound[start : start + size]))
    _log_failures(source, subject, failures)
    return _put_together(source, answers, failures)


async def ask_for_each(
    source: str, subject: str, keys: Collection[str], ask: Callable[[str], Awaitable[Answer[T]]]
) -> Fetched[T]:
    """Ask for keys one by one; see `ask_in_chunks`."""

    async def ask_one(chunk: Sequence[str]) -> Mapping[str, Answer[T]]:
        return {key: await ask(key) for key in chunk}

    return await ask_in_chunks(source, subject, keys, 1, ask_one)


def _put_together(source: str, answers: Mapping[str, Answer[T]], failures: Mapping[str, FetchFailed]) -> Fetched[T]:
    found = {key: answer.value for key, answer in answers.items() if answer.value is not None}
    failed = {key: failure.reason for key, failure in failures.items()}
    failed |= dict.fromkeys(answers.keys() - found.keys(), Reason.NO_HISTORY)
    return fetched_from(source, found, failed, [row for answer in answers.values() for row in answer.rejected])


def _log_failures(source: str, subject: str, failures: Mapping[str, FetchFailed]) -> None:
    """Write a line for each reason, with one example: a vendor that is down fails for five hundred symbols."""
    for reason in sorted({failure.reason for failure in failures.values()}):
        keys = [key for key, failure in failures.items() if failure.reason is reason]
        detail = failures[keys[0]].detail
        log.warning("%s gave no %s for %s: %s (%s)", source, subject, _shown(keys), reason, detail)


def _shown(keys: Iterable[str]) -> str:
    first, *others = keys
    return f"{first[:40]!r}" + (f" and {len(others)} more" if others else "")
