"""Reading the files of the earlier system: each is known by its keys, and one file may have those of all three."""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar, cast

from services.portfolio.domain.cash_map import PREFIX, CashMap
from services.portfolio.domain.factor_proxies import FIELDS, StockProxies
from services.portfolio.domain.imports.amounts import MAX_AMOUNT, PLAIN
from services.portfolio.domain.imports.issues import MAX_ROWS, Issue
from services.portfolio.domain.imports.symbols import CURRENCY, SYMBOL
from services.portfolio.domain.risk_limits import DEFAULTS, RiskLimits, broken_rule
from services.portfolio.domain.yaml_files.stated import Measure, Stake, Stated, StatedPortfolio
from services.portfolio.domain.yaml_files.tree import Items, Mapping, Text, Tree, read, refused

T = TypeVar("T")
MEASURES = ("shares", "dollars", "weight")
PORTFOLIO_KEYS = ("start_date", "end_date", "portfolio_input", "expected_returns", "stock_factor_proxies")
LIMIT_GROUPS = {
    "portfolio_limits": ("max_volatility", "max_loss"),
    "concentration_limits": ("max_single_stock_weight",),
    "variance_limits": ("max_factor_contribution", "max_market_contribution", "max_industry_contribution"),
}
SINGLE_LIMIT = "max_single_factor_loss"
ADDITIONAL = "additional_limits"
CASH_KEYS = ("proxy_by_currency", "alias_to_currency")
MAX_TICKER = 40
MAX_PEERS = 50
HIGHEST_RETURN = 10
WEIGHT_TOLERANCE = Decimal("0.01")


class _Wrong(Exception):
    def __init__(self, line: int, field: str, value: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.issue = Issue(line, field, value[:100], reason, message)


@dataclass(slots=True)
class _Entries:
    """Reads entries one by one; what is wrong with one is noted, and the next is read."""

    errors: list[Issue] = field(default_factory=list)

    def read(self, found: "tuple[int, Tree] | None", name: str, one: Callable[[str, int, Tree], T]) -> dict[str, T]:
        taken: dict[str, T] = {}
        for key, (line, value) in _mapping(found, name).items():
            try:
                taken[key] = one(key, line, value)
            except _Wrong as wrong:
                self.errors.append(wrong.issue)
        return taken


def parse(content: bytes) -> Stated:
    """Read a file.

    Raises:
        InvalidRequest: it cannot be read as a whole, or has no key that we know.
    """
    found = read(content).entries
    known = {*PORTFOLIO_KEYS, *LIMIT_GROUPS, SINGLE_LIMIT, ADDITIONAL, *CASH_KEYS}
    if not known & set(found):
        raise refused(f"the file has none of the keys {', '.join(sorted(known))}")
    stated = Stated(warnings=[_ignored(line, key) for key, (line, _) in found.items() if key not in known])
    entries = _Entries(stated.errors)
    for part, read_part in (("portfolio", _portfolio), ("limits", _limits), ("cash_map", _cash_map)):
        try:
            setattr(stated, part, read_part(found, entries))
        except _Wrong as wrong:
            stated.errors.append(wrong.issue)
    return stated


def _portfolio(found: dict[str, tuple[int, Tree]], entries: _Entries) -> StatedPortfolio | None:
    if not set(PORTFOLIO_KEYS) & set(found):
        return None
    stakes = tuple(entries.read(found.get("portfolio_input"), "portfolio_input", _stake).values())
    if len(stakes) > MAX_ROWS:
        raise refused(f"portfolio_input has more than {MAX_ROWS} tickers")
    entries.errors += _weights_wrong(stakes)
    proxies = found.get("stock_factor_proxies")
    return StatedPortfolio(
        start_date=_date("start_date", found.get("start_date")),
        end_date=_date("end_date", found.get("end_date")),
        stakes=stakes,
        expected_returns=_upper(entries.read(found.get("expected_returns"), "expected_returns", _expected)),
        proxies={s: p for s, p in _upper(entries.read(proxies, "stock_factor_proxies", _proxies)).items() if p.said},
    )


def _limits(found: dict[str, tuple[int, Tree]], entries: _Entries) -> RiskLimits | None:
    if not {*LIMIT_GROUPS, SINGLE_LIMIT, ADDITIONAL} & set(found):
        return None
    stated: dict[str, float] = {}
    for group, names in LIMIT_GROUPS.items():

        def one(name: str, line: int, value: Tree, names: tuple[str, ...] = names) -> float:
            return _limit(name, line, value, names)

        stated |= entries.read(found.get(group), group, one)
    if SINGLE_LIMIT in found:
        stated[SINGLE_LIMIT] = _limit(SINGLE_LIMIT, *found[SINGLE_LIMIT], (SINGLE_LIMIT,))
    additional = entries.read(
        found.get(ADDITIONAL), ADDITIONAL, lambda name, line, value: float(_number(name, line, value))
    )
    return RiskLimits(stated, additional)


def _cash_map(found: dict[str, tuple[int, Tree]], entries: _Entries) -> CashMap | None:
    if not set(CASH_KEYS) & set(found):
        return None
    proxies = entries.read(found.get("proxy_by_currency"), "proxy_by_currency", _proxy)
    aliases = entries.read(found.get("alias_to_currency"), "alias_to_currency", _alias)
    return CashMap(_upper(proxies), _upper(aliases))


def _stake(ticker: str, line: int, value: Tree) -> Stake:
    if not 0 < len(ticker) <= MAX_TICKER:
        raise _Wrong(line, "portfolio_input", ticker, "malformed_symbol", f"a ticker has 1 to {MAX_TICKER} characters")
    said = {name: entry for name, entry in _mapping((line, value), ticker).items() if name in MEASURES}
    if len(said) != 1:
        rule = f"{ticker} needs exactly one of shares, dollars and weight"
        raise _Wrong(line, ticker, ", ".join(said), "ambiguous_size", rule)
    ((measure, entry),) = said.items()
    number = _number(f"{ticker}.{measure}", *entry)
    return Stake(entry[0], ticker.upper(), cast("Measure", measure), number)


def _expected(ticker: str, line: int, value: Tree) -> Decimal:
    number = _number(f"expected_returns.{ticker}", line, value)
    if not -1 < number <= HIGHEST_RETURN:
        message = f"an expected return is a decimal a year above -1 and at most {HIGHEST_RETURN}, such as 0.08"
        raise _Wrong(line, f"expected_returns.{ticker}", f"{number}", "out_of_range", message)
    _symbol(ticker, line, "expected_returns")
    return number


def _proxies(ticker: str, line: int, value: Tree) -> StockProxies:
    where = f"stock_factor_proxies.{_symbol(ticker, line, 'stock_factor_proxies')}"
    said = {name: entry for name, entry in _mapping((line, value), where).items() if name in FIELDS}
    single = {name: _named(*said[name], where) for name in FIELDS[:-1] if name in said}
    peers = said.get("subindustry", (line, Items(line, ())))[1]
    if isinstance(peers, Text) and not peers.text:
        peers = Items(line, ())
    if not isinstance(peers, Items) or len(peers.items) > MAX_PEERS:
        raise _Wrong(line, where, "", "not_a_list", f"subindustry is a list of at most {MAX_PEERS} tickers")
    return StockProxies(**single, subindustry=tuple(_named(peer.line, peer, where) for peer in peers.items))


def _limit(name: str, line: int, value: Tree, names: tuple[str, ...]) -> float:
    if name not in names:
        rule = f"is none of {', '.join(names)}; limits of your own stand under {ADDITIONAL}"
        raise _Wrong(line, name, "", "unknown_limit", f"{name} {rule}")
    number = float(_number(name, line, value))
    if rule := broken_rule(name, number):
        raise _Wrong(line, name, f"{number:g}", "out_of_range", f"{name} {rule}")
    return number


def _proxy(currency: str, line: int, value: Tree) -> str:
    _currency(currency, line)
    return _named(line, value, "proxy_by_currency")


def _alias(ticker: str, line: int, value: Tree) -> str:
    if not 0 < len(ticker) <= MAX_TICKER:
        raise _Wrong(line, "alias_to_currency", ticker, "malformed_symbol", "this cannot be a ticker")
    return _currency(_scalar(value, "alias_to_currency").strip().upper(), line)


def _weights_wrong(stakes: tuple[Stake, ...]) -> Iterator[Issue]:
    weights = [stake for stake in stakes if stake.measure == "weight"]
    if not weights:
        return
    if len(weights) < len(stakes):
        other = next(stake for stake in stakes if stake.measure != "weight")
        message = f"{other.ticker} is stated by {other.measure} and others by weight: of which whole?"
        yield Issue(other.line, other.ticker, other.measure, "mixed_sizes", message)
    elif abs((total := sum((stake.number for stake in weights), Decimal(0))) - 1) > WEIGHT_TOLERANCE:
        message = f"the weights sum to {total}, which is more than {WEIGHT_TOLERANCE} away from 1"
        yield Issue(0, "portfolio_input", f"{total}", "weights_do_not_sum", message)


def _date(name: str, found: "tuple[int, Tree] | None") -> datetime.date | None:
    text = _scalar(found[1], name).strip() if found else ""
    if not found or not text:
        return None
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise _Wrong(found[0], name, text, "not_a_date", "this is not a date such as 2022-12-28")
    return day


def _number(name: str, line: int, value: Tree) -> Decimal:
    text = _scalar(value, name).strip()
    if not PLAIN.fullmatch(text):
        raise _Wrong(line, name, text, "not_a_number", "this is not a number such as 1250.75")
    number = Decimal(text)
    if abs(number) > MAX_AMOUNT:
        raise _Wrong(line, name, text, "out_of_range", f"the number must not exceed {MAX_AMOUNT:.0E}")
    return number


def _named(line: int, value: Tree, where: str) -> str:
    text = _scalar(value, where).strip()
    return _symbol(text, line, where) if text else ""


def _symbol(text: str, line: int, where: str) -> str:
    symbol = text.upper()
    if not SYMBOL.fullmatch(symbol) or symbol.startswith(PREFIX):
        raise _Wrong(line, where, text, "malformed_symbol", "this cannot be a ticker")
    return symbol


def _currency(text: str, line: int) -> str:
    if not CURRENCY.fullmatch(text):
        raise _Wrong(line, "cash_map", text, "unknown_currency", "a currency has three capital letters, such as USD")
    return text


def _scalar(value: Tree, where: str) -> str:
    if not isinstance(value, Text):
        raise _Wrong(value.line, where, "", "not_a_value", f"{where} has a list or keys where a single value is wanted")
    return value.text


def _mapping(found: "tuple[int, Tree] | None", name: str) -> "dict[str, tuple[int, Tree]]":
    if found is None or (isinstance(found[1], Text) and not found[1].text):
        return {}
    if not isinstance(found[1], Mapping):
        raise _Wrong(found[0], name, "", "not_a_mapping", f"{name} needs keys with values")
    return found[1].entries


def _upper(found: dict[str, T]) -> dict[str, T]:
    return {key.upper(): value for key, value in found.items()}


def _ignored(line: int, key: str) -> Issue:
    return Issue(line, key[:100], "", "unknown_key", f"the key {key[:100]!r} is ignored")


assert set(DEFAULTS) == {SINGLE_LIMIT, *(name for names in LIMIT_GROUPS.values() for name in names)}
