"""Imports as the contract says them."""

from collections.abc import Iterable

from plimsoll.portfolio.v1 import import_pb2, import_service_pb2, portfolio_pb2, portfolio_service_pb2
from services.portfolio import convert
from services.portfolio.application.import_checks import Preview, Validation
from services.portfolio.application.imports import Outcome
from services.portfolio.domain.import_record import ImportRecord
from services.portfolio.domain.imported import Taken
from services.portfolio.domain.imports.formats import Format
from services.portfolio.domain.imports.samples import Template
from services.portfolio.domain.market import Mark

# By the reasons of marketdata's marks.
REMEDIES = {
    "no_price": "no close of it is stored on or before that session: sync it, or upload its bars",
    "no_underlying_price": "no close of its underlying is stored on or before that session: sync that, or upload bars",
    "no_volatility": "nothing tells the volatility of its underlying: sync the underlying, or the option's quotes",
    "unknown_instrument": "marketdata does not know it",
}


def imported(record: ImportRecord) -> import_pb2.Import:
    """Render an import."""
    return import_pb2.Import(
        import_id=record.import_id,
        state=import_pb2.Import.State.Value(record.state),
        format=record.format,
        file_name=record.file_name,
        portfolio_id=record.destination.portfolio_id,
        portfolio_name=record.destination.portfolio_name,
        row_count=record.row_count,
        good_count=record.good_count,
        error_count=record.error_count,
        positions_saved_count=record.positions_saved_count,
        cash_saved_count=record.cash_saved_count,
        already_imported_count=record.already_imported_count,
        progress_percent=0 if record.completed_time is None else 100,
        portfolio_revision=record.portfolio_revision,
        created_time=convert.timestamp(record.created_time),
        completed_time=convert.timestamp(record.completed_time) if record.completed_time else None,
        undone_time=convert.timestamp(record.undone_time) if record.undone_time else None,
    )


def outcome(found: Outcome) -> import_service_pb2.ImportOutcome:
    """Render what became of an import."""
    return import_service_pb2.ImportOutcome(
        import_status=imported(found.record), portfolio=_portfolio(found), report=_report(found)
    )


def uploaded(found: Outcome) -> portfolio_service_pb2.UploadPortfolioResponse:
    """Render what became of an upload."""
    return portfolio_service_pb2.UploadPortfolioResponse(
        import_status=imported(found.record), portfolio=_portfolio(found), report=_report(found)
    )


def preview(found: Preview, next_page_token: str) -> import_service_pb2.PreviewImportResponse:
    """Render a page of a preview."""
    return import_service_pb2.PreviewImportResponse(
        import_status=imported(found.record),
        positions=(_previewed(taken, found) for taken in found.page),
        cash=map(convert.cash, found.read.cash),
        cash_movements=(convert.cash_movement(taken.movement) for taken in found.read.movements),
        as_of_date=convert.day_text(found.as_of_date),
        next_page_token=next_page_token,
    )


def validation(found: Validation) -> import_service_pb2.ValidateImportResponse:
    """Render what a check found."""
    priced = [mark for _, mark in found.marks if mark.price is not None]
    return import_service_pb2.ValidateImportResponse(
        import_status=imported(found.record),
        report=convert.import_report(found.row_count, 0, 0, found.report),
        as_of_date=convert.day_text(found.as_of_date),
        priced_count=len(priced),
        unpriced=[_pricing(symbol, mark) for symbol, mark in found.marks if mark.price is None],
    )


def templates(known: Iterable[Template], formats: Iterable[Format]) -> import_service_pb2.Templates:
    """Render the templates, and the formats of brokers."""
    answer = import_service_pb2.Templates()
    for each in known:
        name, title = each.format.name, each.format.title
        answer.templates.add(
            template=name, title=title, required_columns=each.required, optional_columns=each.optional, csv=each.csv
        )
    for other in formats:
        columns = [" or ".join(sorted(names)) for names in other.needed]
        answer.broker_formats.add(format=other.name, title=other.title, columns=columns)
    return answer


def _report(found: Outcome) -> import_pb2.ImportReport:
    record = found.record
    return convert.import_report(record.row_count, record.positions_saved_count, record.cash_saved_count, found.report)


def _portfolio(found: Outcome) -> portfolio_pb2.Portfolio | None:
    return convert.portfolio(found.portfolio) if found.portfolio else None


def _previewed(taken: Taken, found: Preview) -> import_service_pb2.PreviewedPosition:
    instrument = taken.instrument
    return import_service_pb2.PreviewedPosition(
        line=taken.line,
        position=convert.position(taken.position),
        investment_class=taken.investment_class,
        kind=instrument.kind,
        name=instrument.name,
        sector=instrument.sector,
        industry=instrument.industry,
        exchange=instrument.exchange,
        pricing=_pricing(instrument.symbol, found.marks[instrument.instrument_id]),
        already_imported=taken.line in found.repeated,
    )


def _pricing(symbol: str, mark: Mark) -> import_pb2.Pricing:
    return import_pb2.Pricing(
        symbol=symbol,
        priced=mark.price is not None,
        price=mark.price,
        currency=mark.currency,
        price_date=convert.day_text(mark.price_date),
        reason=mark.reason,
        message=REMEDIES.get(mark.reason, ""),
    )
