"""Which tickers are cash, and what stands for cash in an analysis, as an owner states it for a portfolio."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "CUR:"
DEFAULT_PROXIES = {"USD": "SGOV"}
DEFAULT_ALIASES = {"CUR:USD": "USD", "USD CASH": "USD", "CASH": "USD"}


@dataclass(frozen=True, slots=True)
class CashMap:
    """What an owner stated: which symbol stands for a currency, and which currency a ticker means. Empty: defaults."""

    proxies: Mapping[str, str] = field(default_factory=dict)
    """Symbol by currency."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Currency by ticker, in upper case."""

    @property
    def every_proxy(self) -> dict[str, str]:
        """The symbol of each currency, stated or default."""
        return {**DEFAULT_PROXIES, **self.proxies}

    @property
    def every_alias(self) -> dict[str, str]:
        """The currency of each ticker that means one, stated or default."""
        return {**DEFAULT_ALIASES, **self.aliases}

    def currency_of(self, ticker: str) -> str:
        """Give the currency that a ticker means. Empty: it means none."""
        name = ticker.strip().upper()
        known = self.every_alias.get(name, "")
        return known or (name.removeprefix(PREFIX) if name.startswith(PREFIX) else "")
