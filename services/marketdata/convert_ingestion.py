"""What was brought in, and how complete it is, as the contract words it."""

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1 import marketdata_service_pb2
from services.marketdata.application.chunk import Outcome, Synced
from services.marketdata.application.coverage import Report as CoverageReport
from services.marketdata.application.rates import SyncedRates
from services.marketdata.application.uploads import Report as UploadReport
from services.marketdata.domain.coverage import SymbolCoverage
from services.marketdata.domain.row_json import SHOWN
from services.marketdata.storage.ingestions import Ingestion
from services.marketdata.storage.quarantine import QuarantinedRow

MOST_ISSUES = 100
SymbolMessage = marketdata_service_pb2.SymbolCoverage


def outcome_message(outcome: Outcome) -> pb.SymbolOutcome:
    """Render what became of a symbol."""
    return pb.SymbolOutcome(
        symbol=outcome.symbol,
        stored_count=outcome.stored_count,
        quarantined_count=outcome.quarantined_count,
        provider=outcome.provider,
        reason=outcome.reason,
    )


def synced_message(synced: Synced) -> pb.SyncSymbolsResponse:
    """Render what a chunk brought."""
    return pb.SyncSymbolsResponse(
        data_version=synced.data_version,
        outcomes=map(outcome_message, synced.outcomes),
        last_session_date=_day(synced.last_session),
    )


def yields_message(synced: SyncedRates) -> pb.SyncYieldsResponse:
    """Render what became of the yields."""
    return pb.SyncYieldsResponse(
        data_version=synced.data_version,
        stored_count=synced.stored_count,
        provider=synced.provider,
        reason=synced.reason,
    )


def upload_message(report: UploadReport) -> pb.UploadReport:
    """Render what became of a file."""
    return pb.UploadReport(
        data_version=report.data_version,
        row_count=report.row_count,
        stored_count=report.stored_count,
        quarantined_count=len(report.rejected),
        issues=[
            pb.UploadReport.RowIssue(line=row.line, field=row.field, value=row.value[:SHOWN], reason=row.reason)
            for row in report.rejected[:MOST_ISSUES]
        ],
    )


def ingestion_message(ingestion: Ingestion) -> pb.Ingestion:
    """Render an act of bringing market data in."""
    return pb.Ingestion(
        ingestion_id=ingestion.ingestion_id,
        kind=ingestion.kind,
        providers=ingestion.providers,
        started_time=_timestamp(ingestion.started_at),
        finished_time=_timestamp(ingestion.finished_at) if ingestion.finished_at else None,
        symbol_count=ingestion.symbol_count,
        done_count=ingestion.done_count,
        failed_count=ingestion.failed_count,
        stored_count=ingestion.stored_count,
        quarantined_count=ingestion.quarantined_count,
        data_version=ingestion.data_version,
    )


def quarantined_message(row: QuarantinedRow) -> pb.QuarantinedRow:
    """Render a row in quarantine."""
    return pb.QuarantinedRow(
        symbol=row.symbol,
        kind=row.kind,
        row_date=_day(row.row_date),
        row_json=row.row_json,
        source=row.source,
        reason=row.reason,
        recorded_time=_timestamp(row.recorded_at),
    )


def coverage_message(report: CoverageReport) -> marketdata_service_pb2.CoverageReport:
    """Render how complete histories are."""
    summary = report.summary
    return marketdata_service_pb2.CoverageReport(
        as_of_date=report.as_of.isoformat(),
        symbols=map(_symbol_message, report.symbols),
        summary=marketdata_service_pb2.CoverageReport.Summary(
            symbol_count=summary.symbol_count,
            covered_count=summary.covered_count,
            mean_completeness=summary.mean_completeness,
            needs=[
                marketdata_service_pb2.CoverageReport.Need(
                    use=need.use, sessions=need.sessions, met_count=need.met_count, lacking_symbols=need.lacking
                )
                for need in summary.needs
            ],
        ),
    )


def _symbol_message(symbol: SymbolCoverage) -> SymbolMessage:
    return SymbolMessage(
        symbol=symbol.symbol,
        session_count=symbol.session_count,
        continuous_count=symbol.continuous_count,
        first_date=_day(symbol.first),
        last_date=_day(symbol.last),
        gaps=[
            SymbolMessage.Gap(start_date=str(gap.first), end_date=str(gap.last), session_count=gap.session_count)
            for gap in symbol.gaps
        ],
        gap_count=symbol.gap_count,
        completeness=symbol.completeness,
        last_updated_time=_timestamp(symbol.last_updated) if symbol.last_updated else None,
        sources=[SymbolMessage.Source(name=name, bar_count=bars) for name, bars in symbol.bars_by_source.items()],
        quarantined_count=symbol.quarantined_count,
        meets=symbol.meets,
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time.astimezone(UTC))
    return message
