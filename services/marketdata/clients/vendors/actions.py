"""Corporate actions as vendors list them: cut to the days asked for, and one of each kind a day."""

import json
from collections.abc import Iterable, Sequence
from datetime import date

from services.marketdata.domain.corporate_actions import CorporateAction, one_a_day


def unrepeated(rows: Iterable[object]) -> list[object]:
    """Give each row once: what a vendor says twice in the same words it said once.

    Two dividends of one day and amount differ in something, if only in their id or day of payment.
    """
    return list({json.dumps(row, sort_keys=True): row for row in rows}.values())


def between(actions: Iterable[CorporateAction], first: date, last: date) -> Sequence[CorporateAction]:
    """Give what goes ex from one day to a later one, oldest first."""
    return one_a_day(action for action in actions if first <= action.ex_date <= last)
