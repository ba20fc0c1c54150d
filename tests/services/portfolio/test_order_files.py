"""Trades as orders: sides, files, and FIX messages whose length and check sum are counted here again."""

import csv
import io
import json
import re
from decimal import Decimal

import grpc
import pytest
import simplefix

from plimsoll.portfolio.v1.export_service_pb2 import ExportTradesRequest, ListExportsRequest, Trade
from plimsoll.portfolio.v1.portfolio_service_pb2 import GetPortfolioRequest
from tests.services.portfolio.books import NO_SUCH, enter_all, make, new
from tests.services.portfolio.conftest import Client, refused

PUT = "AAPL230120P00150000"
SOH = b"\x01"


async def book(client: Client) -> str:
    """A portfolio with two lots of AAPL, a short in JPM, and puts that were bought: its id."""
    portfolio_id = (await make(client, "Long/short")).portfolio_id
    short, puts = new("JPM", -50), new(PUT, 3, entry_price=2)
    closed = new("XOM", 500, exit_date="2022-06-01", exit_price=90)
    await enter_all(client, portfolio_id, new("AAPL", 100), new("AAPL", 20.5), short, puts, closed)
    return portfolio_id


async def orders(client: Client, portfolio_id: str, *trades: Trade, **fields: str) -> bytes:
    request = ExportTradesRequest(portfolio_id=portfolio_id, trades=trades, **fields)
    return (await client.exports.ExportTrades(request)).data


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.mark.parametrize(
    ("symbol", "quantities", "expected"),
    [
        ("AAPL", [-20], ["SELL CLOSE 20"]),
        ("AAPL", [-150], ["SELL CLOSE 120.5", "SELL_SHORT OPEN 29.5"]),
        ("AAPL", [-120.5, -1, 2], ["SELL CLOSE 120.5", "SELL_SHORT OPEN 1", "BUY CLOSE 1", "BUY OPEN 1"]),
        ("JPM", [60], ["BUY CLOSE 50", "BUY OPEN 10"]),
        ("XOM", [-1], ["SELL_SHORT OPEN 1"]),
        (PUT, [-5], ["SELL CLOSE 3", "SELL OPEN 2"]),
    ],
)
async def test_a_sale_of_what_is_owned_and_a_short_sale_are_marked_apart(alice, symbol, quantities, expected):
    trades = [Trade(symbol=symbol, quantity=quantity) for quantity in quantities]
    content = await orders(alice, await book(alice), *trades)
    assert [f"{r['side']} {r['position_effect']} {r['quantity']}" for r in rows(content)] == expected


async def test_what_is_owned_is_told_in_the_shares_of_today(alice):
    """GOOGL was split 20 for 1 in July 2022."""
    portfolio_id = (await make(alice)).portfolio_id
    await enter_all(alice, portfolio_id, new("GOOGL", 3))
    content = await orders(alice, portfolio_id, Trade(symbol="GOOGL", quantity=-61))
    assert [(r["side"], r["quantity"]) for r in rows(content)] == [("SELL", "60"), ("SELL_SHORT", "1")]


async def test_csv_and_json_say_the_same(alice):
    portfolio_id = await book(alice)
    trades = [Trade(symbol="aapl", quantity=10, limit_price=125.25, time_in_force="gtc"), Trade(symbol=PUT, quantity=1)]
    (stock, option), document = (
        rows(await orders(alice, portfolio_id, *trades)),
        await orders(alice, portfolio_id, *trades, format="json"),
    )
    assert (stock["symbol"], stock["order_type"], stock["limit_price"], stock["time_in_force"]) == (
        "AAPL",
        "LIMIT",
        "125.25",
        "GTC",
    )
    assert (option["underlying_symbol"], option["expiry_date"], option["strike"], option["right"]) == (
        "AAPL",
        "2023-01-20",
        "150",
        "P",
    )
    for row, order in zip((stock, option), json.loads(document)["orders"], strict=True):
        del row["order_id"], order["order_id"]
        assert row["quantity"] == str(order["quantity"])
        assert {k: v for k, v in row.items() if v and k not in ("quantity", "limit_price", "strike")} == {
            k: v for k, v in order.items() if v is not None and k not in ("quantity", "limit_price", "strike")
        }


async def test_fix_messages_have_the_length_and_the_check_sum_that_they_say(alice):
    content = await orders(
        alice,
        await book(alice),
        Trade(symbol="AAPL", quantity=-150, limit_price=125.25, time_in_force="gtc"),
        Trade(symbol=PUT, quantity=-1),
        format="fix",
        account="U 123",
        sender_comp_id="ME",
        target_comp_id="THEM",
    )
    messages = content.splitlines()
    assert len(messages) == 3
    for number, message in enumerate(messages, 1):
        head, length, rest = re.fullmatch(rb"(8=FIX\.4\.4\x019=(\d+)\x01)(.*)", message, re.DOTALL).groups()
        body, check = re.fullmatch(rb"(.*\x01)10=(\d{3})\x01", rest, re.DOTALL).groups()
        assert int(length) == len(body)
        assert int(check) == sum(head + body) % 256
        fields = dict(field.split(b"=", 1) for field in body.split(SOH)[:-1])
        assert [fields[tag] for tag in (b"35", b"49", b"56", b"34", b"1")] == [
            b"D",
            b"ME",
            b"THEM",
            str(number).encode(),
            b"U 123",
        ]
        assert re.fullmatch(rb"\d{8}-\d\d:\d\d:\d\d\.\d{3}", fields[b"60"])
        assert body.startswith(b"35=D\x01"), "the type of a message is its third field"
    sell, short, option = (dict(f.split(b"=", 1) for f in m.split(SOH)[:-1]) for m in messages)
    assert [sell[tag] for tag in (b"55", b"54", b"38", b"40", b"44", b"59", b"15")] == [
        b"AAPL",
        b"2",
        b"120.5",
        b"2",
        b"125.25",
        b"1",
        b"USD",
    ]
    assert (short[b"54"], short[b"38"]) == (b"5", b"29.5")
    assert [option[tag] for tag in (b"55", b"167", b"200", b"541", b"201", b"202", b"231", b"54", b"40", b"77")] == [
        b"AAPL",
        b"OPT",
        b"202301",
        b"20230120",
        b"0",
        b"150",
        b"100",
        b"2",
        b"1",
        b"C",
    ]
    assert b"44" not in option
    assert len({m[b"11"] for m in (sell, short, option)}) == 3


async def test_a_parser_of_fix_reads_the_messages(alice):
    content = await orders(alice, await book(alice), Trade(symbol="XOM", quantity=0.1), format="fix")
    parser = simplefix.FixParser()
    parser.append_buffer(content)
    message = parser.get_message()
    assert (message.get(35), message.get(54), Decimal(message.get(38).decode())) == (b"D", b"1", Decimal("0.1"))
    assert (message.get(49), message.get(56), message.get(1)) == (b"PLIMSOLL", b"BROKER", None)


@pytest.mark.parametrize("name", ["account", "sender_comp_id", "target_comp_id"])
async def test_no_text_can_smuggle_a_field_into_a_message(alice, name: str):
    portfolio_id = await book(alice)
    call = orders(alice, portfolio_id, Trade(symbol="XOM", quantity=1), format="fix", **{name: "X\x0138=999"})
    assert list((await refused(call)).fields) == [name]


async def test_what_cannot_be_traded_is_named(alice):
    portfolio_id = await book(alice)
    trades = [Trade(symbol="SPX", quantity=1), Trade(symbol="NONE", quantity=1), Trade(symbol=PUT, quantity=0.5)]
    refusal = await refused(orders(alice, portfolio_id, *trades))
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert list(refusal.fields) == ["trades[0].symbol", "trades[1].symbol", "trades[2].quantity"]


async def test_nothing_is_booked_and_the_list_is_in_the_history(alice, mallory):
    portfolio_id = await book(alice)
    before = await alice.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=portfolio_id))
    content = await orders(alice, portfolio_id, Trade(symbol="XOM", quantity=1), format="fix")
    assert await alice.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=portfolio_id)) == before
    (noted,) = (await alice.exports.ListExports(ListExportsRequest())).exports
    assert (noted.format, noted.byte_count, noted.portfolio_id) == ("fix", len(content), portfolio_id)
    foreign = await refused(orders(mallory, portfolio_id, Trade(symbol="XOM", quantity=1)))
    absent = await refused(orders(mallory, NO_SUCH, Trade(symbol="XOM", quantity=1)))
    assert (foreign.code, foreign.message.replace(portfolio_id, NO_SUCH)) == (absent.code, absent.message)
