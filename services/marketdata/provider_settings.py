"""What can be set about providers of market data: keys, addresses, rates, and who is asked first for what."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from chassis.settings import PREFIX, Secret

BaseUrl = Annotated[str, Meta(pattern=r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$")]
"""Without user, query or fragment. What is not https has to be asked for by setting it."""
Rate = Annotated[int, Meta(ge=1, le=100_000)]
Names = Annotated[str, Meta(pattern=r"^[a-z]*(, ?[a-z]+)*$")]
KEY = re.compile(r"[!-~]*")
"""What can stand in a header."""
PROVIDERS = ("massive", "fmp", "fred", "yfinance", "csv", "bundled", "synthetic")
SYNTHETIC = "synthetic"


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """The settings of providers. Without any, the bundled prices are all there is, and FRED for yields.

    A list of providers is in the order in which they are asked. Empty: all that are set up and offer this kind of data.
    """

    massive_api_key: Secret = Secret("")
    """Key of Massive (formerly Polygon). Empty: Massive is not asked."""
    massive_base_url: BaseUrl = "https://api.massive.com"
    """Where Massive is."""
    massive_calls_per_minute: Rate = 5
    """Calls that the plan allows; 5 is the free one."""
    fmp_api_key: Secret = Secret("")
    """Key of Financial Modeling Prep. Empty: it is not asked."""
    fmp_base_url: BaseUrl = "https://financialmodelingprep.com/stable"
    """Where FMP is."""
    fmp_calls_per_minute: Rate = 300
    """Calls that the plan allows."""
    fred_api_key: Secret = Secret("")
    """Key of FRED. Empty: its public downloads are used."""
    fred_base_url: BaseUrl = "https://api.stlouisfed.org"
    """Where FRED's API is, which needs the key."""
    fred_graph_url: BaseUrl = "https://fred.stlouisfed.org"
    """Where FRED's public downloads are, which need none."""
    fred_calls_per_minute: Rate = 100
    """Calls that FRED allows."""
    fred_enabled: bool = True
    """Whether FRED is asked at all."""
    yfinance_enabled: bool = False
    """Whether Yahoo is asked for profiles; needs the extra `yfinance`."""
    yfinance_calls_per_minute: Rate = 30
    """Calls that Yahoo is burdened with."""
    csv_path: str = ""
    """Folder of CSV files, or one file, with the operator's own data. Empty: there is none."""
    csv_price_basis: Literal["raw", "total_return_adjusted"] = "raw"
    """What the prices in it are."""
    synthetic_allowed: bool = False
    """Whether made-up prices can be asked for: in load tests alone."""
    synthetic_seed: int = 1
    """What they are made from."""
    listing_providers: Names = ""
    """Who is asked for names, sectors and industries."""
    bar_providers: Names = ""
    """Who is asked for daily bars."""
    corporate_action_providers: Names = ""
    """Who is asked for splits and dividends."""
    quote_providers: Names = ""
    """Who is asked for quotes."""
    option_chain_providers: Names = ""
    """Who is asked for option chains."""
    yield_providers: Names = ""
    """Who is asked for Treasury yields."""
    fx_providers: Names = ""
    """Who is asked for rates of exchange."""
    fetch_seconds: Annotated[float, Meta(gt=0, le=600)] = 25.0
    """How long one fetch may take, for all its symbols and all who are asked in turn. A chunk of a sync makes up to
    four, and has 120 s."""
    call_seconds: Annotated[float, Meta(gt=0, le=120)] = 15.0
    """How long one call to a vendor may take, to the last byte of its answer."""
    call_attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    """How often a call is made that fails for a reason that may pass."""

    def __post_init__(self) -> None:
        """Refuse what cannot be, at the start and not at the first call.

        Raises:
            ValueError: a list names a provider twice, or one that is not there or not set up; a key or an address can
                be none; a call may take longer than the fetch that it is part of.
        """
        for field in ("massive_api_key", "fmp_api_key", "fred_api_key"):
            if not KEY.fullmatch(getattr(self, field)):
                raise ValueError(f"{PREFIX}{field.upper()} has a character that no key has")
        for field in ("massive_base_url", "fmp_base_url", "fred_base_url", "fred_graph_url"):
            _check_address(PREFIX + field.upper(), getattr(self, field))
        if self.call_seconds > self.fetch_seconds:
            raise ValueError(f"{PREFIX}CALL_SECONDS: {self.call_seconds} is more than {PREFIX}FETCH_SECONDS")
        for field in ORDERS.values():
            names = provider_names(getattr(self, field))
            variable = PREFIX + field.upper()
            if len(set(names)) < len(names):
                raise ValueError(f"{variable} names a provider twice: {', '.join(names)}")
            for name in names:
                if name not in PROVIDERS:
                    raise ValueError(f"{variable}: {name!r} is no provider; there is {', '.join(PROVIDERS)}")
                if need := self.lacking(name):
                    raise ValueError(f"{variable} names {name}, which needs {need}")

    def lacking(self, provider: str) -> str:
        """Say what has to be set before a provider can be asked. Empty: nothing."""
        needs = {
            "massive": (bool(self.massive_api_key), "PLIMSOLL_MASSIVE_API_KEY"),
            "fmp": (bool(self.fmp_api_key), "PLIMSOLL_FMP_API_KEY"),
            "fred": (self.fred_enabled, "PLIMSOLL_FRED_ENABLED=true"),
            "yfinance": (self.yfinance_enabled, "PLIMSOLL_YFINANCE_ENABLED=true"),
            "csv": (bool(self.csv_path), "PLIMSOLL_CSV_PATH"),
            SYNTHETIC: (self.synthetic_allowed, "PLIMSOLL_SYNTHETIC_ALLOWED=true, in load tests alone"),
        }
        met, need = needs.get(provider, (True, ""))
        return "" if met else need


ORDERS = {
    "listings": "listing_providers",
    "bars": "bar_providers",
    "corporate_actions": "corporate_action_providers",
    "quotes": "quote_providers",
    "option_chains": "option_chain_providers",
    "yields": "yield_providers",
    "fx_rates": "fx_providers",
}
"""The setting that orders the providers of each kind of data."""


def _check_address(variable: str, url: str) -> None:
    """Refuse a port that can be none.

    Raises:
        ValueError: it is none.
    """
    try:
        urlsplit(url).port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError(f"{variable}: {url!r} has a port that can be none") from None


def provider_names(text: str) -> list[str]:
    """Read a list of providers."""
    return [name.strip() for name in text.split(",") if name.strip()]
