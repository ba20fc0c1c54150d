"""The history of exports, from the domain to the contract."""

from plimsoll.portfolio.v1 import export_pb2
from services.portfolio.convert import timestamp
from services.portfolio.domain.exports.history import Export


def export(found: Export) -> export_pb2.Export:
    """Render a line of the history."""
    return export_pb2.Export(
        export_id=found.export_id,
        kind=export_pb2.Export.Kind.Value(found.kind),
        portfolio_id=found.portfolio_id,
        portfolio_revision=found.portfolio_revision,
        format=found.format,
        sections=found.sections,
        byte_count=found.byte_count,
        sha256=found.sha256,
        created_time=timestamp(found.created_time),
    )
