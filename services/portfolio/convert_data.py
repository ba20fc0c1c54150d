"""From the domain to the contract of DataService."""

import datetime
from collections.abc import Iterable, Sequence

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.portfolio.v1 import data_service_pb2, historical_prices_pb2, portfolio_summary_pb2
from services.portfolio.convert import cash, day_text, portfolio, position, timestamp
from services.portfolio.domain.market import Session
from services.portfolio.domain.price_history import Bar, PortfolioPrices, Series
from services.portfolio.domain.valued_book import ValuedBook, ValuedPosition

ADJUSTED = "TOTAL_RETURN_ADJUSTED"


def complete(valued: ValuedBook) -> data_service_pb2.CompletePortfolio:
    """Render a valued portfolio."""
    marked = [p for p in valued.positions if p.market_value is not None]
    return data_service_pb2.CompletePortfolio(
        portfolio=portfolio(valued.portfolio),
        portfolio_revision=valued.portfolio.revision,
        as_of_date=day_text(valued.session.as_of_date),
        data_version=valued.session.data_version,
        positions=map(_valued, valued.positions),
        cash=map(cash, valued.book.cash),
        cash_balance=valued.cash_balance,
        cash_reason=valued.cash_reason,
        market_value=valued.market_value,
        net_asset_value=valued.net_asset_value,
        quality=data_service_pb2.CompletePortfolio.Quality(
            valued_count=len(marked),
            unvalued_count=len(valued.positions) - len(marked),
            stale_count=sum(p.stale for p in valued.positions),
            warnings=_warnings(valued),
        ),
        last_updated=timestamp(valued.session.close_time),
    )


def _warnings(valued: ValuedBook) -> list[str]:
    # Word for word what risk says of the same positions, so that a report shows it once.
    told = []
    if any(p.mark.price_basis == ADJUSTED and p.mark.price is not None for p in valued.positions):
        told.append(
            "prices are adjusted for later dividends and splits (total_return_adjusted): as values of "
            f"{valued.session.as_of_date} they, and profit and loss, are approximations"
        )
    if count := sum(p.market_value is not None and p.cost_basis is None for p in valued.positions):
        told.append(f"positions without profit and loss, as no rate of exchange of their entry is known: {count}")
    return told


def _valued(found: ValuedPosition) -> data_service_pb2.ValuedPosition:
    return data_service_pb2.ValuedPosition(
        position=position(found.position.entered or found.position),
        name=found.instrument.name if found.instrument else "",
        sector=found.instrument.sector if found.instrument else "",
        price=found.mark.price,
        price_date=day_text(found.mark.price_date),
        price_basis=PriceBasis.Basis.Value(found.mark.price_basis),
        price_source=found.mark.source if found.mark.price is not None else "",
        stale=found.stale,
        market_value=found.market_value,
        cost_basis=found.cost_basis,
        unrealized_pnl=found.unrealized_pnl,
        realized_pnl=found.realized_pnl,
        reason=found.reason,
        quantity=float(found.position.quantity),
        contract_symbol=found.contract_symbol,
        cost_reason=found.cost_reason,
        fx_rate=found.fx_rate,
        opening_fx_rate=found.opening_fx_rate,
        currency_pnl=found.currency_pnl,
    )


def summaries(
    session: Session, books: Iterable[ValuedBook], next_page_token: str
) -> data_service_pb2.ListPortfolioSummariesResponse:
    """Render portfolios in a line each."""
    return data_service_pb2.ListPortfolioSummariesResponse(
        portfolios=map(_summary, books),
        as_of_date=day_text(session.as_of_date),
        last_updated_time=timestamp(session.close_time),
        data_version=session.data_version,
        next_page_token=next_page_token,
    )


def _summary(valued: ValuedBook) -> portfolio_summary_pb2.PortfolioSummary:
    return portfolio_summary_pb2.PortfolioSummary(
        portfolio_id=valued.portfolio.portfolio_id,
        name=valued.portfolio.name,
        base_currency=valued.portfolio.base_currency,
        total_value=valued.net_asset_value,
        reason=valued.cash_reason,
        market_value=valued.market_value,
        cash_balance=valued.cash_balance,
        position_count=len(valued.positions),
        unvalued_count=sum(found.market_value is None for found in valued.positions),
        portfolio_revision=valued.portfolio.revision,
        created_time=timestamp(valued.portfolio.created_time),
        updated_time=timestamp(valued.portfolio.updated_time),
    )


def details(session: Session, positions: Iterable[ValuedPosition]) -> data_service_pb2.PositionDetails:
    """Render positions in detail."""
    return data_service_pb2.PositionDetails(
        positions=map(_valued, positions),
        as_of_date=day_text(session.as_of_date),
        last_updated_time=timestamp(session.close_time),
        data_version=session.data_version,
    )


def historical_prices(found: PortfolioPrices, *, unix: bool) -> historical_prices_pb2.HistoricalPrices:
    """Render daily prices, with dates as texts or as seconds."""
    return historical_prices_pb2.HistoricalPrices(
        portfolio_id=found.portfolio.portfolio_id,
        portfolio_revision=found.portfolio.revision,
        as_of_date=day_text(found.session.as_of_date),
        last_updated_time=timestamp(found.session.close_time),
        data_version=found.session.data_version,
        lookback_days=found.lookback_days,
        session_dates=[] if unix else map(day_text, found.sessions),
        session_unix_seconds=_unix_seconds(found.sessions) if unix else [],
        series=map(_series, found.series),
        symbol_count=found.symbol_count,
        truncated=found.truncated,
    )


def _unix_seconds(days: Sequence[datetime.date]) -> list[float]:
    return [datetime.datetime(d.year, d.month, d.day, tzinfo=datetime.UTC).timestamp() for d in days]


def _series(found: Series) -> historical_prices_pb2.PriceSeries:
    return historical_prices_pb2.PriceSeries(
        symbol=found.symbol,
        name=found.name,
        factor=found.factor,
        price_basis=PriceBasis.Basis.Value(found.price_basis),
        reason=found.reason,
        prices=map(_daily_price, found.bars),
    )


def _daily_price(bar: Bar | None) -> historical_prices_pb2.DailyPrice:
    if bar is None:
        return historical_prices_pb2.DailyPrice()
    return historical_prices_pb2.DailyPrice(
        open=bar.open, high=bar.high, low=bar.low, close=bar.close, volume=bar.volume
    )
