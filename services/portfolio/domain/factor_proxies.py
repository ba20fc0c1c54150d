"""What stands for the drivers of a symbol's return: stated by the owner, or by default of its exchange and industry."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.portfolio.domain.market import Instrument
from services.portfolio.domain.portfolio import Portfolio

EVERY_EXCHANGE = "*"


@dataclass(frozen=True, slots=True)
class StockProxies:
    """Symbols that stand for the drivers of one symbol; an empty field says nothing."""

    market: str = ""
    momentum: str = ""
    value: str = ""
    industry: str = ""
    subindustry: tuple[str, ...] = ()

    @property
    def symbols(self) -> dict[str, str]:
        """Every symbol that is named, by the place where it stands."""
        named = {name: getattr(self, name) for name in ("market", "momentum", "value", "industry")}
        named |= {f"subindustry[{place}]": symbol for place, symbol in enumerate(self.subindustry)}
        return {place: symbol for place, symbol in named.items() if symbol}

    @property
    def said(self) -> list[str]:
        """Names of the fields that say something."""
        return [name for name in FIELDS if getattr(self, name)]

    def over(self, default: "StockProxies") -> "StockProxies":
        """Give the proxies with what they leave open taken from a default."""
        return StockProxies(*(getattr(self, name) or getattr(default, name) for name in FIELDS))


FIELDS = ("market", "momentum", "value", "industry", "subindustry")


@dataclass(frozen=True, slots=True)
class DefaultProxies:
    """Marketdata's defaults: market, momentum and value by exchange, the industry by industry or else sector."""

    by_exchange: Mapping[str, StockProxies]
    by_industry: Mapping[str, str]
    exchange_version: int
    industry_version: int

    def of(self, instrument: Instrument | None) -> StockProxies:
        """Give the defaults of an instrument; of an unknown one, nothing."""
        if instrument is None:
            return StockProxies()
        exchange = self.by_exchange.get(instrument.exchange) or self.by_exchange.get(EVERY_EXCHANGE, StockProxies())
        industry = self.by_industry.get(instrument.industry) or self.by_industry.get(instrument.sector, "")
        return StockProxies(industry=industry).over(exchange)


@dataclass(frozen=True, slots=True)
class PortfolioProxies:
    """The proxies of a portfolio: what was stated by symbol, and the defaults of every symbol concerned."""

    portfolio: Portfolio
    stated: Mapping[str, StockProxies]
    defaults: Mapping[str, StockProxies]
    sources: DefaultProxies
