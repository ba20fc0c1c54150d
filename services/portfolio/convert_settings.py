"""From the domain to the contract of RiskSettingsService and ScenarioService."""

from collections.abc import Iterable

from plimsoll.portfolio.v1 import risk_settings_pb2, scenario_pb2
from services.portfolio.convert import day_text, timestamp
from services.portfolio.domain.expected_return import ExpectedReturn
from services.portfolio.domain.factor_proxies import PortfolioProxies
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.risk_limits import RiskLimits
from services.portfolio.domain.scenario import Scenario


def risk_limits(portfolio: Portfolio, limits: RiskLimits) -> risk_settings_pb2.RiskLimits:
    """Render the limits of a portfolio."""
    return risk_settings_pb2.RiskLimits(
        portfolio_id=portfolio.portfolio_id,
        portfolio_revision=portfolio.revision,
        limits=limits.every,
        stated=sorted(limits.stated),
        additional=limits.additional,
        contradictions=limits.contradictions,
    )


def factor_proxies(found: PortfolioProxies) -> risk_settings_pb2.FactorProxies:
    """Render the proxies of a portfolio, each with what was stated over its default."""
    rendered = {}
    for symbol, default in found.defaults.items():
        stated = found.stated.get(symbol)
        effective = stated.over(default) if stated else default
        rendered[symbol] = risk_settings_pb2.StockFactorProxies(
            market=effective.market,
            momentum=effective.momentum,
            value=effective.value,
            industry=effective.industry,
            subindustry=effective.subindustry,
            stated=stated.said if stated else [],
        )
    return risk_settings_pb2.FactorProxies(
        portfolio_id=found.portfolio.portfolio_id,
        portfolio_revision=found.portfolio.revision,
        proxies=rendered,
        exchange_proxies_version=found.sources.exchange_version,
        industry_proxies_version=found.sources.industry_version,
    )


def expected_returns(portfolio: Portfolio, found: Iterable[ExpectedReturn]) -> risk_settings_pb2.ExpectedReturns:
    """Render what symbols are expected to return."""
    return risk_settings_pb2.ExpectedReturns(
        portfolio_id=portfolio.portfolio_id,
        portfolio_revision=portfolio.revision,
        expected_returns=[
            risk_settings_pb2.ExpectedReturn(
                symbol=expectation.symbol,
                expected_return=float(expectation.expected_return),
                effective_date=day_text(expectation.effective_date),
                revision=expectation.revision,
            )
            for expectation in found
        ],
    )


def scenario(found: Scenario) -> scenario_pb2.Scenario:
    """Render a scenario."""
    return scenario_pb2.Scenario(
        scenario_id=found.scenario_id,
        portfolio_id=found.portfolio_id,
        name=found.terms.name,
        description=found.terms.description,
        target_weights=found.terms.target_weights,
        revision=found.revision,
        created_time=timestamp(found.created_time),
        updated_time=timestamp(found.updated_time),
    )
