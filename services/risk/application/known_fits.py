"""Fits of instruments that were computed before: in memory, then in the database; what is missing is computed at once.

A fit is found by what it is made of, so one of another day, another version or another machine never passes for it,
and an answer is the same bytes with the fits of this file as without them.
"""

from dataclasses import replace
from typing import Final

from cachetools import LRUCache

from riskmath.arrays import FloatArray
from services.risk.application.computing import in_thread
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.instrument_fits import Windows, windows_of
from services.risk.ports import Fits

FITS_KEPT: Final = 20_000
"""Half a kilobyte each."""


class KnownFits:
    """Puts fits beside the inputs of an analysis."""

    def __init__(self, stored: Fits) -> None:
        self._stored = stored
        self._kept: LRUCache[str, FloatArray] = LRUCache(FITS_KEPT)

    async def beside(self, inputs: Inputs, needs: Needs) -> Inputs:
        """Give the inputs with the fits of everything that the book follows, where the analysis needs them.

        Raises:
            What the port raises.
        """
        windows = await in_thread(windows_of, inputs) if needs.fits else None
        return replace(inputs, fits=await self._fits(windows)) if windows else inputs

    async def _fits(self, windows: Windows) -> dict[str, FloatArray]:
        found = {key: row for key in windows.keys if (row := self._kept.get(key)) is not None}
        if missing := _missing(windows, found):
            found |= await self._stored.find(missing)
            if missing := _missing(windows, found):
                computed = await in_thread(windows.fit, missing)
                if computed:
                    await self._stored.add(computed)
                found |= computed
            self._kept.update(found)
        return found


def _missing(windows: Windows, found: dict[str, FloatArray]) -> list[str]:
    return [key for key in dict.fromkeys(windows.keys) if key not in found]
