"""The tour of the demo against a stand-in gateway: first visit, second visit, and what is told when something fails."""

import io
import shlex
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from chassis.settings import Secret
from cli.demo.account import EMAIL, Account, sign_in
from cli.demo.books import BOOKS, Book
from cli.demo.farewell import recipes
from cli.demo.importing import portfolios_by_name
from cli.demo.rest import Api, ApiError
from cli.demo.tour import take_tour
from tests.cli.demo.conftest import BASE_URL, FakeGateway

ACCOUNT = Account(EMAIL, Secret("a long enough password"))


async def visit(gateway: FakeGateway, console: Console, account: Account = ACCOUNT) -> str:
    async with Api(BASE_URL, gateway.transport()) as api:
        await take_tour(api, BASE_URL, account, BOOKS, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_first_visit_registers_and_imports_every_book_as_it_is(gateway: FakeGateway, console: Console) -> None:
    await visit(gateway, console)
    assert gateway.accounts == {EMAIL: ACCOUNT.password}
    uploaded = {gateway.portfolios[book.name]["portfolio_id"]: book.path.read_text() for book in BOOKS}
    assert gateway.files == uploaded


async def test_second_visit_reuses_account_and_portfolios(gateway: FakeGateway, console: Console) -> None:
    await visit(gateway, console)
    before = dict(gateway.portfolios)
    gateway.calls.clear()
    page = await visit(gateway, console)
    assert gateway.portfolios == before
    assert page.count("already there") == len(BOOKS)
    assert not [call for call in gateway.calls if call.startswith("POST") and call != "POST /api/v1/auth/login"]


async def test_report_names_every_book_and_shows_the_way_on(gateway: FakeGateway, console: Console) -> None:
    page = await visit(gateway, console)
    for book in BOOKS:
        assert f"{book.name}  valued at the close of 28 Dec 2022" in page
    for expected in (f"{BASE_URL}/docs", f"{BASE_URL}/healthz", EMAIL, str(ACCOUNT.password), "At a glance"):
        assert expected in page


async def test_report_says_how_complete_the_prices_are(gateway: FakeGateway, console: Console) -> None:
    page = " ".join((await visit(gateway, console)).split())
    assert "Prices up to 28 Dec 2022: 26 of 26 instruments, 100.0% of their sessions; 25 have 252 sessions" in page


async def test_every_book_gets_a_past_and_shows_what_it_has_earned(gateway: FakeGateway, console: Console) -> None:
    page = await visit(gateway, console)
    assert gateway.with_history == {gateway.portfolios[book.name]["portfolio_id"] for book in BOOKS}
    for book in BOOKS:
        earned = "+12.3% since 13 Jan 2021, 15.0% volatility a year, Sharpe ratio 0.71, deepest drawdown -20.0%"
        assert f"{book.name}: {earned}" in page


async def test_commands_are_printed_whole_however_narrow_the_terminal(gateway: FakeGateway) -> None:
    console = Console(file=io.StringIO(), width=60, color_system=None)
    lines = (await visit(gateway, console)).splitlines()
    portfolio_id = gateway.portfolios[BOOKS[-1].name]["portfolio_id"]
    for recipe in recipes(BASE_URL, ACCOUNT, portfolio_id):
        for command in recipe.commands:
            assert command in lines


def test_a_password_with_quotes_survives_the_shell() -> None:
    account = Account(EMAIL, Secret('it\'s "quoted" $HOME `x`'))
    command = recipes(BASE_URL, account, "id")[2].commands[0]
    body = shlex.split(command)[-1]
    assert httpx.Response(200, content=body).json() == {"email": EMAIL, "password": account.password}


async def test_refused_rows_are_told_with_their_line(gateway: FakeGateway, console: Console, tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("ticker,quantity,entry_price,entry_date,tags\nAAPL,1,2,2022-01-03,\nNOPE,1,2,2022-01-03,\n")
    async with Api(BASE_URL, gateway.transport()) as api:
        await take_tour(api, BASE_URL, ACCOUNT, [Book("Broken", path)], console)
    assert isinstance(console.file, io.StringIO)
    assert "error in line 3: no such instrument" in console.file.getvalue()


async def test_portfolios_are_found_on_every_page(gateway: FakeGateway, console: Console) -> None:
    await visit(gateway, console)
    async with Api(BASE_URL, gateway.transport()) as api:
        await sign_in(api, ACCOUNT)
        assert set(await portfolios_by_name(api)) == {"My portfolio", *(book.name for book in BOOKS)}


async def test_an_account_with_another_password_is_told_apart_from_a_missing_one(
    gateway: FakeGateway, console: Console
) -> None:
    gateway.accounts[EMAIL] = "somebody else's password"
    with pytest.raises(ApiError, match=r"is registered in this database with another password.*RESOURCE_EXISTS"):
        await visit(gateway, console)


async def test_a_refusal_is_told_with_reason_and_fields(gateway: FakeGateway, console: Console) -> None:
    with pytest.raises(ApiError, match=r"(?s)a field breaks a rule \(INVALID_FIELD\)\n  password: is shorter than 12"):
        await visit(gateway, console, Account(EMAIL, Secret("short")))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            lambda request: httpx.Response(503, text="upstream connect error"),
            "HTTP 503 from .*: upstream",
        ),
        (lambda request: httpx.Response(502, json=["not", "a", "status"]), "HTTP 502 from"),
        (lambda request: httpx.Response(500, json={"error": "of somebody else"}), "HTTP 500 from .*somebody else"),
        (lambda request: (_ for _ in ()).throw(httpx.ConnectError("refused", request=request)), "failed: refused"),
        (lambda request: (_ for _ in ()).throw(httpx.ReadTimeout("", request=request)), "failed: ReadTimeout"),
    ],
)
async def test_what_is_no_status_is_quoted(answer: Callable[[httpx.Request], httpx.Response], told: str) -> None:
    async with Api(BASE_URL, httpx.MockTransport(answer)) as api:
        with pytest.raises(ApiError, match=told):
            await api.get("/api/v1/auth/me")
