"""Writing the files of the earlier system. What they have no room for (entries, lots, closed positions) is left out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from services.portfolio.domain.book import Book, Date
from services.portfolio.domain.cash_map import PREFIX
from services.portfolio.domain.expected_return import newest
from services.portfolio.domain.exports.portfolio_contents import PortfolioContents
from services.portfolio.domain.yaml_files.reading import ADDITIONAL, LIMIT_GROUPS, SINGLE_LIMIT

if TYPE_CHECKING:
    from yaml import SafeDumper, ScalarNode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A portfolio on the day that its files speak of, and its book then."""

    contents: PortfolioContents
    book: Book
    day: Date


def render(found: Snapshot, sections: Sequence[str]) -> bytes:
    """Write sections, each of which is a file of that system; several are one file with the keys of all."""
    document: dict[str, Any] = {}
    if "portfolio" in sections:
        document |= _portfolio(found)
    if "risk_limits" in sections:
        document |= _limits(found.contents)
    if "cash_map" in sections:
        cash_map = found.contents.cash_map
        document |= {"proxy_by_currency": cash_map.every_proxy, "alias_to_currency": cash_map.every_alias}
    return _written(document)


def _portfolio(found: Snapshot) -> dict[str, Any]:
    terms = found.contents.portfolio
    entries = [position.entry_date for position in found.book.positions]
    expected = [e for e in found.contents.expected if e.effective_date <= found.day]
    return {
        "start_date": (terms.start_date or min(entries, default=found.day)).isoformat(),
        "end_date": (terms.end_date or found.day).isoformat(),
        "portfolio_input": _stakes(found.book),
        "expected_returns": {e.symbol: e.expected_return for e in newest(expected)},
        "stock_factor_proxies": {
            symbol: {name: _plain(getattr(proxies, name)) for name in proxies.said}
            for symbol, proxies in sorted(found.contents.proxies.items())
        },
    }


def _stakes(book: Book) -> dict[str, dict[str, Decimal]]:
    """Give shares by ticker, all lots of one together, and cash as dollars."""
    shares: dict[str, Decimal] = defaultdict(Decimal)
    for position in book.positions:
        shares[position.symbol] += position.quantity
    stakes = {symbol: {"shares": number} for symbol, number in shares.items() if number}
    return stakes | {f"{PREFIX}{balance.currency}": {"dollars": balance.amount} for balance in book.cash}


def _limits(contents: PortfolioContents) -> dict[str, Any]:
    every = contents.limits.every
    grouped: dict[str, Any] = {group: {name: every[name] for name in names} for group, names in LIMIT_GROUPS.items()}
    additional = {ADDITIONAL: dict(contents.limits.additional)} if contents.limits.additional else {}
    return {**grouped, SINGLE_LIMIT: every[SINGLE_LIMIT], **additional}


def _plain(value: str | Sequence[str]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def _written(document: Mapping[str, Any]) -> bytes:
    import yaml  # only for those who want YAML

    class Dumper(yaml.SafeDumper):
        """Writes every digit of a number."""

        def ignore_aliases(self, data: Any) -> bool:
            """Write out what stands twice: readers refuse aliases, this system's own among them."""
            return True

    def number(dumper: "SafeDumper", value: Decimal) -> "ScalarNode":
        whole = value == value.to_integral_value()
        return dumper.represent_scalar(f"tag:yaml.org,2002:{'int' if whole else 'float'}", f"{value.normalize():f}")

    Dumper.add_representer(Decimal, number)
    text: str = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()
