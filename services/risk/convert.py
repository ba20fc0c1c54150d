"""An overview as the contract words it."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1 import result_pb2
from plimsoll.risk.v1 import overview_pb2
from services.risk.domain.results import BookCoverage, Metadata, Overview, Summary


def overview_message(overview: Overview) -> overview_pb2.Overview:
    """Render an overview, without how it was served."""
    message = overview_pb2.Overview(
        available=overview.summary is not None,
        reason=overview.reason,
        portfolio_id=overview.portfolio_id,
        metadata=_metadata(overview.metadata),
    )
    if overview.summary is not None:
        message.MergeFrom(_summary(overview.summary))
    return message


def served_message(calculated_time: datetime, elapsed_seconds: float, *, cached: bool) -> result_pb2.Served:
    """Render how an answer was served."""
    return result_pb2.Served(
        calculated_time=_timestamp(calculated_time), cached=cached, elapsed_ms=1000.0 * elapsed_seconds
    )


def _summary(summary: Summary) -> overview_pb2.Overview:
    exposures, pnl, count = summary.exposures, summary.pnl, summary.position_count
    return overview_pb2.Overview(
        total_value=summary.total_value,
        total_value_reason=summary.total_value_reason,
        cash_balance=summary.cash_balance,
        exposures=overview_pb2.Overview.Exposures(
            long_exposure=exposures.long,
            short_exposure=exposures.short,
            gross_exposure=exposures.gross,
            net_exposure=exposures.net,
            long_percentage=exposures.long_percentage,
            short_percentage=exposures.short_percentage,
        ),
        pnl=overview_pb2.Overview.Pnl(total_pnl=pnl.total, unrealized_pnl=pnl.unrealized, realized_pnl=pnl.realized),
        position_count=overview_pb2.Overview.PositionCount(
            total_positions=count.total, long_count=count.long, short_count=count.short, option_count=count.options
        ),
        last_updated=_timestamp(summary.last_updated),
    )


def _metadata(metadata: Metadata) -> result_pb2.ResultMetadata:
    return result_pb2.ResultMetadata(
        result_id=metadata.result_id,
        as_of_date=metadata.as_of_date,
        portfolio_revision=metadata.portfolio_revision,
        data_version=metadata.data_version,
        model_version=metadata.model_version,
        price_basis=metadata.price_basis,
        coverage=_coverage(metadata.coverage),
        warnings=metadata.warnings,
    )


def _coverage(coverage: BookCoverage) -> result_pb2.Coverage:
    return result_pb2.Coverage(
        modelled_gross_exposure=coverage.modelled_gross_exposure,
        gross_exposure=coverage.gross_exposure,
        modelled_percent=coverage.modelled_percent,
        excluded=[
            result_pb2.ExcludedPosition(position_id=left.position_id, symbol=left.symbol, reason=left.reason)
            for left in coverage.excluded
        ],
    )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
