"""The change log as it is read: what differs between an old and a new value."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = Mapping[str, str | None]
"""What a thing was or is: its fields as text."""
Action = Literal["CREATED", "UPDATED", "DELETED"]
NAMES = ("symbol", "name", "currency")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, before and after; None is nothing."""

    field: str
    old_value: str | None
    new_value: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one thing; without an old value it was made, without a new one it is gone."""

    change_id: int
    change_time: datetime.datetime
    actor_id: str
    reason: str
    portfolio_id: str
    revision: int
    subject: str
    subject_id: str
    old_value: Value | None
    new_value: Value | None

    @property
    def action(self) -> Action:
        """What was done to it."""
        if self.old_value is None:
            return "CREATED"
        return "DELETED" if self.new_value is None else "UPDATED"

    @property
    def subject_name(self) -> str:
        """Symbol or name of the thing, for display."""
        value = self.new_value or self.old_value or {}
        return next((name for field in NAMES if (name := value.get(field))), self.subject_id)

    @property
    def fields(self) -> list[FieldChange]:
        """The fields that differ, by name. An empty one is no field of a thing that was made or is gone."""
        old, new = self.old_value or {}, self.new_value or {}
        names = sorted({**old, **new})
        return [FieldChange(n, old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)]
