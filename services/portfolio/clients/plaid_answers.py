"""What Plaid answers about accounts, in the words of the domain.

`/investments/holdings/get` gives accounts, lines that name securities by id, and the securities
(https://plaid.com/docs/api/products/investments/#investmentsholdingsget, read on 2026-11-20; OpenAPI 2020-09-14_1.778).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from services.portfolio.domain.brokerage import BrokerAccount, BrokerLine, BrokerStatement, counted

Json = Mapping[str, Any]
LARGEST_NUMBER = Decimal(10) ** 15


def account_of(found: Json) -> BrokerAccount:
    """Give an account."""
    balances = found["balances"]
    return BrokerAccount(
        account_id=str(found["account_id"]),
        name=str(found.get("name") or found.get("official_name") or ""),
        mask=str(found.get("mask") or ""),
        subtype=str(found.get("subtype") or ""),
        currency=_currency(balances),
        current=_number(balances.get("current")),
    )


def statement_of(found: Json, account_type: str) -> BrokerStatement:
    """Give the accounts of a type with what stands in them, and of it what counts."""
    accounts = tuple(account_of(account) for account in found["accounts"] if account["type"] == account_type)
    ids = {account.account_id for account in accounts}
    securities = {security["security_id"]: security for security in found["securities"]}
    owned = [line for line in found["holdings"] if line["account_id"] in ids]
    lines = tuple(_line(line, securities[line["security_id"]]) for line in owned)
    return counted(BrokerStatement(accounts, lines))


def _line(found: Json, security: Json) -> BrokerLine:
    return BrokerLine(
        account_id=str(found["account_id"]),
        security_id=str(found["security_id"]),
        ticker=str(security.get("ticker_symbol") or ""),
        name=str(security.get("name") or ""),
        security_type=str(security.get("type") or ""),
        cash_equivalent=security.get("is_cash_equivalent") is True,
        quantity=_number(found["quantity"]) or Decimal(0),
        price=_number(found["institution_price"]) or Decimal(0),
        value=_number(found["institution_value"]) or Decimal(0),
        cost_basis=_number(found.get("cost_basis")),
        currency=_currency(found),
    )


def _currency(found: Json) -> str:
    return str(found.get("iso_currency_code") or found.get("unofficial_currency_code") or "")


def _number(value: int | Decimal | None) -> Decimal | None:
    if value is None:
        return None
    number = Decimal(value)
    if abs(number) > LARGEST_NUMBER:
        raise ValueError(f"{number} is more than anybody has")
    return number
