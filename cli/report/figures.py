"""How a figure is written: money, prices, quantities, percentages, dates. An unknown one is a dash, never a zero."""

from datetime import date

from rich.text import Text

UNKNOWN = "-"


def money(amount: float | None) -> str:
    """Whole units of currency: cents are noise in a book of millions."""
    return UNKNOWN if amount is None else f"{round(amount):,}"


def price(amount: float | None) -> str:
    """A price to the cent."""
    return UNKNOWN if amount is None else f"{amount:,.2f}"


def quantity(amount: float) -> str:
    """A quantity with as many decimals as it has, at most four."""
    return f"{amount:,.4f}".rstrip("0").rstrip(".")


def percent(points: float | None) -> str:
    """Percentage points with one decimal."""
    return UNKNOWN if points is None else f"{round(points, 1) + 0.0:.1f}%"  # + 0.0 turns -0.0 into 0.0


def share(part: float | None, whole: float | None) -> float | None:
    """A part of a whole in percentage points; unknown unless both are known and the whole is positive."""
    if part is None or whole is None or whole <= 0:
        return None
    return 100 * part / whole


def gain(text: str, amount: float | None) -> Text:
    """A profit or a loss: its sign is written, so that the colour is only a help."""
    if amount is None or text == UNKNOWN:
        return Text(UNKNOWN, style="dim")
    if not any(digit in text for digit in "123456789"):
        return Text(text)
    return Text(f"+{text}", style="green") if amount > 0 else Text(text, style="red")


def short_day(iso_date: str) -> str:
    """A date as the symbols of options write it: 221228."""
    return f"{date.fromisoformat(iso_date):%y%m%d}"


def day(iso_date: str) -> str:
    """A date as people write it: 28 Dec 2022."""
    return f"{date.fromisoformat(iso_date):%-d %b %Y}" if iso_date else UNKNOWN
