"""What users say about themselves and how they like to be served."""

import dataclasses
import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from chassis.errors import InvalidFields, Violation

MAX_VOLATILITY = 5.0
LISTS = ("preferred_asset_types", "notification_preferences", "default_risk_limits")
"""Fields that can be emptied by name, because to leave them out means that they stay."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A user's preferences. An empty text, list or map: nothing was said."""

    display_name: str = ""
    risk_tolerance: str = ""
    preferred_asset_types: tuple[str, ...] = ()
    analysis_depth: str = ""
    notification_preferences: Mapping[str, bool] = field(default_factory=dict)
    default_risk_limits: Mapping[str, float] = field(default_factory=dict)
    """Decimals by the name of the limit."""
    revision: int = 0
    updated_time: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What is to be changed. None, and an empty list or map: it stays."""

    display_name: str | None = None
    risk_tolerance: str | None = None
    preferred_asset_types: tuple[str, ...] = ()
    analysis_depth: str | None = None
    notification_preferences: Mapping[str, bool] = field(default_factory=dict)
    default_risk_limits: Mapping[str, float] = field(default_factory=dict)
    clear: frozenset[str] = frozenset()
    """Which of LISTS are emptied first."""

    def __post_init__(self) -> None:
        violations = [
            Violation(f"default_risk_limits[{name}]", f"{value:g}", rule)
            for name, value in self.default_risk_limits.items()
            if (rule := _broken_rule(name, value))
        ]
        if violations:
            raise InvalidFields(violations)

    def applied_to(self, before: Profile) -> Profile:
        """Give the profile as it is afterwards, still under the old revision."""
        kept = dataclasses.replace(before, **{name: type(getattr(before, name))() for name in self.clear})
        said = {name: getattr(self, name) for name in ("display_name", "risk_tolerance", "analysis_depth")}
        return dataclasses.replace(
            kept,
            **{name: value for name, value in said.items() if value is not None},
            preferred_asset_types=self.preferred_asset_types or kept.preferred_asset_types,
            notification_preferences={**kept.notification_preferences, **self.notification_preferences},
            default_risk_limits={**kept.default_risk_limits, **self.default_risk_limits},
        )


def _broken_rule(name: str, value: float) -> str:
    """Give the rule that a limit breaks; empty: none."""
    if name.endswith("_loss"):
        return "" if -1 <= value < 0 else "must be a loss: at least -1, and below 0"
    highest = MAX_VOLATILITY if name == "max_volatility" else 1.0
    return "" if 0 < value <= highest and math.isfinite(value) else f"must be above 0, and at most {highest:g}"
