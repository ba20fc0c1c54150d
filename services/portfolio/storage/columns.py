"""How the columns of this schema's tables are declared. Types and constraints in full stand in the migrations."""

from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Uuid

metadata = MetaData()


def identifier(name: str, *, key: bool = False) -> Column[str]:
    """Give the column of an id. A database UUID becomes text at this boundary, and nowhere else."""
    return Column(name, Uuid(as_uuid=False), primary_key=key)


def moment(name: str) -> Column[Any]:
    """Give the column of a point in time."""
    return Column(name, DateTime(timezone=True))


def columns(**types: Any) -> list[Column[Any]]:
    """Give columns by name and type."""
    return [Column(name, kind) for name, kind in types.items()]
