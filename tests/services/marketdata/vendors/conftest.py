"""Vendors' stubs, and the adapters in front of them."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from chassis.settings import Secret
from services.marketdata.clients.vendors.backoff import Backoff
from services.marketdata.clients.vendors.fmp import FmpProvider
from services.marketdata.clients.vendors.fred import KEY_PARAMETER, FredProvider
from services.marketdata.clients.vendors.massive import MassiveProvider, bearer
from services.marketdata.clients.vendors.vendor_http import Account, Patience, VendorHttp
from tests.services.marketdata.vendors import fmp_stub, fred_stub, massive_stub
from tests.services.marketdata.vendors.clocks import FakeClock
from tests.services.marketdata.vendors.stub import Stub

MANY = 10_000
HttpOf = Callable[..., VendorHttp]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def started() -> AsyncIterator[Callable[[Stub], Awaitable[Stub]]]:
    """`await started(stub)`: a stub that is stopped at the end."""
    stubs: list[Stub] = []

    async def start(stub: Stub) -> Stub:
        await stub.start()
        stubs.append(stub)
        return stub

    yield start
    for stub in stubs:
        await stub.stop()


@pytest.fixture
async def http_of(clock: FakeClock) -> AsyncIterator[HttpOf]:
    """`http_of(base_url, **account)`: a vendor's HTTP on the clock of the test, closed at the end."""
    https: list[VendorHttp] = []

    def make(base_url: str, patience: Patience | None = None, calls_per_minute: int = MANY, **account) -> VendorHttp:
        patience = patience or Patience(call_seconds=5.0, backoff=Backoff(chance=lambda: 0.5))
        https.append(VendorHttp(Account(base_url, calls_per_minute, **account), patience, clock))
        return https[-1]

    yield make
    for http in https:
        await http.close()


@pytest.fixture
async def massive(started, http_of: HttpOf) -> tuple[MassiveProvider, massive_stub.MassiveStub]:
    stub = await started(massive_stub.MassiveStub())
    key = bearer(Secret(massive_stub.KEY))
    return MassiveProvider(http_of(stub.url, header_name="authorization", key=key, unknown_is_404=True)), stub


@pytest.fixture
async def fmp(started, http_of: HttpOf) -> tuple[FmpProvider, fmp_stub.FmpStub]:
    stub = await started(fmp_stub.FmpStub())
    return FmpProvider(http_of(f"{stub.url}/stable", header_name="apikey", key=Secret(fmp_stub.KEY))), stub


@pytest.fixture
async def fred(started, http_of: HttpOf) -> tuple[FredProvider, fred_stub.FredStub]:
    stub = await started(fred_stub.FredStub())
    return FredProvider(http_of(stub.url, query_name=KEY_PARAMETER, key=Secret(fred_stub.KEY)), has_key=True), stub


@pytest.fixture
async def fred_graph(started, http_of: HttpOf) -> tuple[FredProvider, fred_stub.FredStub]:
    stub = await started(fred_stub.FredStub())
    return FredProvider(http_of(stub.url), has_key=False), stub
