"""Answers about what a book moves with: factors, and Treasury yields."""

from collections.abc import Iterable
from typing import Any, Final

import grpc

from chassis.dates import parse_optional_date
from chassis.errors import InvalidFields, Violation
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import factors_pb2, interest_rates_pb2, variance_pb2
from services.risk.application.analyses import Target
from services.risk.domain.active_risk import ACTIVE_RISK, ActiveRiskParameters
from services.risk.domain.analysis import Analysis, NoParameters
from services.risk.domain.factor_correlations import FACTOR_CORRELATIONS, FactorCorrelationParameters
from services.risk.domain.factor_exposures import FACTOR_EXPOSURES
from services.risk.domain.interest_rate_betas import INTEREST_RATE_BETAS, RateBetaParameters
from services.risk.domain.joined_book import ALL
from services.risk.domain.position_factors import POSITION_FACTOR_EXPOSURES, PositionFactorParameters
from services.risk.domain.proxy_exposures import MODEL as STOCK_PROXIES
from services.risk.domain.proxy_exposures import STOCK_PROXY_EXPOSURES
from services.risk.domain.variance_decomposition import VARIANCE_DECOMPOSITION, VarianceParameters
from services.risk.handlers.answering import Answering, stated

Context = grpc.aio.ServicerContext[Any, Any]
MOST_SYMBOLS: Final = 200


class FactorAnalytics(Answering):
    """Factor exposures, the variance that comes with them, and rate betas."""

    async def GetFactorExposures(
        self, request: pb.GetFactorExposuresRequest, context: Context
    ) -> factors_pb2.FactorExposures:
        """Answer what of a portfolio moves with which factor."""
        return await self._answer(FACTOR_EXPOSURES.kind, request, NoParameters(), factors_pb2.FactorExposures)

    async def ListPositionFactorExposures(
        self, request: pb.ListPositionFactorExposuresRequest, context: Context
    ) -> factors_pb2.PositionFactorExposures:
        """Answer the factor exposures of positions."""
        page = stated(limit=request.limit, offset=request.offset, symbols=symbols_of(request.symbols))
        analysis = _position_model(request)
        return await self._answer(
            analysis.kind, request, PositionFactorParameters(**page), factors_pb2.PositionFactorExposures
        )

    async def GetVarianceDecomposition(
        self, request: pb.GetVarianceDecompositionRequest, context: Context
    ) -> variance_pb2.VarianceDecomposition:
        """Answer where the variance of a portfolio comes from."""
        parameters = VarianceParameters(**stated(covariance_method=request.covariance_method))
        return await self._answer(VARIANCE_DECOMPOSITION.kind, request, parameters, variance_pb2.VarianceDecomposition)

    async def GetActiveRisk(self, request: pb.GetActiveRiskRequest, context: Context) -> variance_pb2.ActiveRisk:
        """Answer how far a portfolio may stray from a benchmark."""
        stated_ones = stated(benchmark=request.benchmark.upper(), covariance_method=request.covariance_method)
        return await self._answer(
            ACTIVE_RISK.kind, request, ActiveRiskParameters(**stated_ones), variance_pb2.ActiveRisk
        )

    async def GetFactorCorrelations(
        self, request: pb.GetFactorCorrelationsRequest, context: Context
    ) -> factors_pb2.FactorCorrelations:
        """Answer how the factors move together."""
        target = Target("", as_of_date=parse_optional_date("as_of_date", request.as_of_date))
        parameters = FactorCorrelationParameters(
            **stated(lookback_days=request.lookback_days, covariance_method=request.covariance_method)
        )
        return await self._answer_about(target, FACTOR_CORRELATIONS.kind, parameters, factors_pb2.FactorCorrelations)

    async def GetInterestRateBetas(
        self, request: pb.GetInterestRateBetasRequest, context: Context
    ) -> interest_rates_pb2.InterestRateBetas:
        """Answer what a portfolio gains or loses with a Treasury yield."""
        parameters = RateBetaParameters(**stated(tenor=request.tenor))
        return await self._answer(INTEREST_RATE_BETAS.kind, request, parameters, interest_rates_pb2.InterestRateBetas)


def _position_model(request: pb.ListPositionFactorExposuresRequest) -> Analysis[PositionFactorParameters]:
    """Give the model that is asked for.

    Raises:
        InvalidFields: proxies, which each portfolio has of its own, are asked for over all portfolios as one.
    """
    if request.model != STOCK_PROXIES:
        return POSITION_FACTOR_EXPOSURES
    if request.portfolio_id == ALL:
        raise InvalidFields([Violation("model", STOCK_PROXIES, "must be asked of one portfolio: each has its proxies")])
    return STOCK_PROXY_EXPOSURES


def symbols_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Give the symbols of a request, in capitals, each once, in order of the alphabet: repeated or between commas.

    Raises:
        InvalidFields: there are too many, or only commas and blanks.
    """
    texts = tuple(texts)
    symbols = {symbol for text in texts for part in text.split(",") if (symbol := part.strip().upper())}
    if texts and not symbols:  # taken for none they would mean all
        raise InvalidFields([Violation("symbols", ",".join(texts), "names no symbol")])
    if len(symbols) > MOST_SYMBOLS:
        raise InvalidFields([Violation("symbols", f"{len(symbols)} symbols", f"must be at most {MOST_SYMBOLS}")])
    return tuple(sorted(symbols))
