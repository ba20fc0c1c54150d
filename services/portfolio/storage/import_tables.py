"""The tables of imports, as queries name them."""

from sqlalchemy import Column, Date, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.portfolio.storage.columns import columns, identifier, metadata, moment

imports = Table(
    "imports",
    metadata,
    identifier("import_id", key=True),
    identifier("owner_id"),
    *columns(state=Text, format=Text, file_name=Text, file_date=Date, content=LargeBinary),
    identifier("portfolio_id"),
    *columns(portfolio_name=Text, base_currency=Text, report=JSONB, row_count=Integer, good_count=Integer),
    *columns(error_count=Integer, positions_saved_count=Integer, cash_saved_count=Integer),
    *columns(already_imported_count=Integer, portfolio_revision=Integer),
    moment("created_time"),
    moment("completed_time"),
    moment("undone_time"),
)
import_rows = Table(
    "import_rows",
    metadata,
    identifier("import_id", key=True),
    Column("subject", Text),
    identifier("subject_id", key=True),
    identifier("portfolio_id"),
    identifier("owner_id"),
    *columns(instrument_id=Integer, row_hash=LargeBinary),
)
import_balances = Table(
    "import_balances",
    metadata,
    identifier("import_id", key=True),
    Column("currency", Text, primary_key=True),
    Column("portfolio_revision", Integer, primary_key=True),
    identifier("owner_id"),
)
