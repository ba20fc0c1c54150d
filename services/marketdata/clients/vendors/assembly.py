"""The providers that the settings set up, sorted into who offers what. Nothing connects here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chassis.errors import CannotStart
from services.marketdata.clients.bundled import BundledProvider
from services.marketdata.clients.vendors.backoff import Backoff
from services.marketdata.clients.vendors.clock import Clock
from services.marketdata.clients.vendors.csv_folder import CsvFolder
from services.marketdata.clients.vendors.fallback import InOrder, Turns
from services.marketdata.clients.vendors.fmp import FmpProvider
from services.marketdata.clients.vendors.fred import KEY_PARAMETER, FredProvider
from services.marketdata.clients.vendors.massive import MassiveProvider, bearer
from services.marketdata.clients.vendors.synthetic import SyntheticProvider
from services.marketdata.clients.vendors.vendor_http import Account, Patience, VendorHttp
from services.marketdata.clients.vendors.yahoo import PACKAGE, YahooProvider, is_installed
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.ports import (
    BarSource,
    CalendarSource,
    Catalogue,
    CorporateActionSource,
    FxSource,
    ListingSource,
    Offer,
    OptionChainSource,
    QuoteSource,
    Source,
    Sources,
    YieldSource,
)
from services.marketdata.provider_settings import ORDERS, PROVIDERS, SYNTHETIC, ProviderSettings, provider_names

LISTINGS: tuple[type[ListingSource], ...] = (
    MassiveProvider,
    FmpProvider,
    YahooProvider,
    CsvFolder,
    BundledProvider,
    SyntheticProvider,
)
BARS: tuple[type[BarSource], ...] = (MassiveProvider, FmpProvider, CsvFolder, BundledProvider, SyntheticProvider)
CORPORATE_ACTIONS: tuple[type[CorporateActionSource], ...] = (
    MassiveProvider,
    FmpProvider,
    CsvFolder,
    SyntheticProvider,
)
QUOTES: tuple[type[QuoteSource], ...] = (MassiveProvider, FmpProvider)
OPTION_CHAINS: tuple[type[OptionChainSource], ...] = (MassiveProvider,)
YIELDS: tuple[type[YieldSource], ...] = (FredProvider, CsvFolder)
FX_RATES: tuple[type[FxSource], ...] = (MassiveProvider, FmpProvider, FredProvider)
CATALOGUES: tuple[type[Catalogue], ...] = (CsvFolder, BundledProvider)
LOCAL = (CsvFolder.name, BundledProvider.name, SyntheticProvider.name)
"""Those who ask nobody."""
S = TypeVar("S", bound=Source)
BASES = {"raw": PriceBasis.RAW, "total_return_adjusted": PriceBasis.TOTAL_RETURN_ADJUSTED}


@dataclass(frozen=True, slots=True)
class Assembled:
    """The sources, and what to await at the end."""

    sources: Sources
    close: Sequence[Callable[[], Awaitable[None]]]


def assemble(settings: ProviderSettings, calendar: CalendarSource, clock: Clock) -> Assembled:
    """Make every provider that is set up.

    Raises:
        CannotStart: an order names a provider that does not offer that kind of data, or whose package is not there.
    """
    https = {name: VendorHttp(account, _patience(settings), clock) for name, account in _accounts(settings).items()}
    made = _made(settings, https, calendar, clock)
    turns = Turns(clock, settings.fetch_seconds, LOCAL)
    sources = Sources(
        listings=_offer(settings, "listings", made, LISTINGS, lambda of: InOrder(of, turns)),
        bars=_offer(settings, "bars", made, BARS, lambda of: InOrder(of, turns)),
        corporate_actions=_offer(settings, "corporate_actions", made, CORPORATE_ACTIONS, lambda of: InOrder(of, turns)),
        quotes=_offer(settings, "quotes", made, QUOTES, lambda of: InOrder(of, turns)),
        option_chains=_offer(settings, "option_chains", made, OPTION_CHAINS, lambda of: InOrder(of, turns)),
        yields=_offer(settings, "yields", made, YIELDS, lambda of: InOrder(of, turns)),
        fx_rates=_offer(settings, "fx_rates", made, FX_RATES, lambda of: InOrder(of, turns)),
        catalogues=_offering(made, CATALOGUES),
    )
    closers = [provider.close for provider in made if isinstance(provider, YahooProvider)]
    return Assembled(sources, [*(http.close for http in https.values()), *closers])


def _patience(settings: ProviderSettings) -> Patience:
    backoff = Backoff(attempts=settings.call_attempts)
    return Patience(settings.fetch_seconds, settings.call_seconds, backoff=backoff)


def _accounts(settings: ProviderSettings) -> dict[str, Account]:
    with_key = bool(settings.fred_api_key)
    accounts = {
        MassiveProvider.name: Account(
            settings.massive_base_url,
            settings.massive_calls_per_minute,
            header_name="authorization",
            key=bearer(settings.massive_api_key),
            unknown_is_404=True,
        ),
        FmpProvider.name: Account(
            settings.fmp_base_url, settings.fmp_calls_per_minute, header_name="apikey", key=settings.fmp_api_key
        ),
        FredProvider.name: Account(
            settings.fred_base_url if with_key else settings.fred_graph_url,
            settings.fred_calls_per_minute,
            query_name=KEY_PARAMETER if with_key else "",
            key=settings.fred_api_key,
        ),
    }
    return {name: account for name, account in accounts.items() if not settings.lacking(name)}


def _made(
    settings: ProviderSettings, https: Mapping[str, VendorHttp], calendar: CalendarSource, clock: Clock
) -> list[Source]:
    makers: dict[str, Callable[[], Source]] = {
        "massive": lambda: MassiveProvider(https["massive"]),
        "fmp": lambda: FmpProvider(https["fmp"]),
        "fred": lambda: FredProvider(https["fred"], has_key=bool(settings.fred_api_key)),
        "yfinance": lambda: _yahoo(settings, clock),
        "csv": lambda: CsvFolder(Path(settings.csv_path).expanduser(), BASES[settings.csv_price_basis]),
        "bundled": BundledProvider,
        SYNTHETIC: lambda: SyntheticProvider(settings.synthetic_seed, calendar),
    }
    return [makers[name]() for name in PROVIDERS if not settings.lacking(name)]


def _yahoo(settings: ProviderSettings, clock: Clock) -> YahooProvider:
    if not is_installed():
        raise CannotStart(f"PLIMSOLL_YFINANCE_ENABLED is true, and the package {PACKAGE} is not installed")
    return YahooProvider(settings.yfinance_calls_per_minute, _patience(settings), clock)


def _offering(made: Sequence[Source], classes: tuple[type[S], ...]) -> dict[str, S]:
    return {provider.name: provider for provider in made if isinstance(provider, classes)}


def _offer(
    settings: ProviderSettings,
    kind: str,
    made: Sequence[Source],
    classes: tuple[type[S], ...],
    in_order: Callable[[Sequence[S]], S],
) -> Offer[S]:
    offering = _offering(made, classes)
    setting = ORDERS[kind]
    named = provider_names(getattr(settings, setting))
    if strangers := [name for name in named if name not in offering]:
        there = ", ".join(offering) or "nobody that is set up"
        message = f"PLIMSOLL_{setting.upper()} names {', '.join(strangers)}; {kind} are offered by {there}"
        raise CannotStart(message)
    # Made-up prices have to be asked for by name: nobody gets them because others have failed.
    order = named or [name for name in offering if name != SYNTHETIC]
    return Offer(in_order([offering[name] for name in order]), order, offering)
