"""A portfolio as one JSON document, by section. Numbers have every digit that is stored."""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.portfolio.domain.book import Position
from services.portfolio.domain.exports.portfolio_contents import PortfolioContents

ENCODER = msgspec.json.Encoder(decimal_format="number")


def render(contents: PortfolioContents, sections: tuple[str, ...]) -> bytes:
    """Write the document with some sections; terms of the portfolio come first, whatever sections there are."""
    found = contents.portfolio
    terms = {
        "portfolio_id": found.portfolio_id,
        "name": found.name,
        "base_currency": found.base_currency,
        "benchmark": found.benchmark,
        "start_date": found.start_date,
        "end_date": found.end_date,
        "revision": found.revision,
    }
    written = _sections(contents)
    document = {"portfolio": terms, **{name: written[name] for name in sections}}
    return msgspec.json.format(ENCODER.encode(document), indent=2) + b"\n"


def _sections(contents: PortfolioContents) -> Mapping[str, Any]:
    return {
        "positions": [_position(p) for p in contents.positions if p.exit_date is None],
        "closed_positions": [_position(p) for p in contents.positions if p.exit_date is not None],
        "cash": [{"currency": b.currency, "amount": b.amount, "balance_date": b.balance_date} for b in contents.cash],
        "cash_movements": [
            {
                "kind": m.kind,
                "currency": m.currency,
                "amount": m.amount,
                "movement_date": m.movement_date,
                "symbol": m.symbol,
                "note": m.note,
            }
            for m in contents.movements
        ],
        "risk_limits": {
            "limits": contents.limits.every,
            "stated": sorted(contents.limits.stated),
            "additional": dict(contents.limits.additional),
        },
        "factor_proxies": {
            symbol: {name: getattr(proxies, name) for name in proxies.said}
            for symbol, proxies in sorted(contents.proxies.items())
        },
        "expected_returns": [
            {"symbol": e.symbol, "expected_return": e.expected_return, "effective_date": e.effective_date}
            for e in contents.expected
        ],
        "cash_map": {
            "proxy_by_currency": contents.cash_map.every_proxy,
            "alias_to_currency": contents.cash_map.every_alias,
        },
    }


def _position(position: Position) -> dict[str, Any]:
    option = position.option
    return {
        "symbol": position.symbol,
        "position_type": position.type_name,
        "quantity": position.quantity,
        "entry_price": position.entry_price,
        "entry_date": position.entry_date,
        "exit_date": position.exit_date,
        "exit_price": position.exit_price,
        "currency": position.currency,
        "multiplier": position.multiplier,
        "tags": position.tags,
        "strategy": position.strategy,
        "option": option
        and {
            "underlying_symbol": option.underlying_symbol,
            "expiry_date": option.expiry_date,
            "right": option.right,
            "strike": option.strike,
            "style": option.style,
        },
    }
