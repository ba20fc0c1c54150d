"""Corporate actions as vendors give them, cut to the days asked for."""

from collections.abc import Iterable, Sequence
from datetime import date

from services.marketdata.domain.corporate_actions import CorporateAction


def between(actions: Iterable[CorporateAction], first: date, last: date) -> Sequence[CorporateAction]:
    """Give what goes ex from one day to a later one, oldest first; said twice, it is given once."""
    within = {action for action in actions if first <= action.ex_date <= last}
    return sorted(within, key=lambda action: (action.ex_date, action.kind, action.value))
