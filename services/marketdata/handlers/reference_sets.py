"""Reference sets between the contract and the domain: their entries have the same fields there and here."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from chassis.errors import InvalidFields, Violation
from plimsoll.marketdata.v1 import reference_pb2
from plimsoll.marketdata.v1 import reference_service_pb2 as pb
from services.marketdata.domain.factors import AssetClass, FactorDefinition, FactorSet
from services.marketdata.domain.reference import (
    ENTRIES,
    Entry,
    ReferenceKind,
    contradictions,
    key_field,
    repeated,
    spelled,
)

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Wording(Generic[M]):
    """How the contract words a set: entries have the same fields there and here."""

    kind: ReferenceKind
    """Also the name of the field that holds the entries."""
    message: type[M]
    entry: type[Message]

    def render(self, entries: Any, version: int) -> M:
        """Render the set."""
        return self.message(**{self.kind: [self.entry(**asdict(entry)) for entry in entries]}, version=version)

    def read(self, request: Message) -> list[Entry]:
        """Read the set that a request brings, by key.

        Raises:
            InvalidFields: two entries have the same key.
        """
        key = key_field(self.kind)
        entries = [self.read_entry(one) for one in getattr(request, self.kind)]
        keys = [str(getattr(entry, key)) for entry in entries]
        if twice := repeated(keys):
            raise InvalidFields([Violation(f"{self.kind}.{key}", twice, "is there more than once")])
        return sorted(entries, key=lambda entry: str(getattr(entry, key)))

    def read_entry(self, told: Any) -> Entry:
        """Read one entry."""
        made: type[Any] = ENTRIES[self.kind]
        entry: Entry = made(**{name: spelled(name, getattr(told, name)) for name in made.__slots__})
        return entry


class FactorWording(Wording[M]):
    """The same for factors, which have lists within."""

    def read(self, request: Message) -> list[Entry]:
        """Read the set that a request brings, by asset class.

        Raises:
            InvalidFields: an asset class is there twice or not at all, or a factor contradicts itself.
        """
        entries = Wording.read(self, request)
        if found := [Violation(self.kind, value, rule) for value, rule in contradictions(entries)]:
            raise InvalidFields(found)
        return entries

    def read_entry(self, told: Any) -> FactorSet:
        """Read the factors of an asset class."""
        return FactorSet(AssetClass(told.asset_class), _symbols(told.benchmarks), tuple(map(_factor, told.factors)))


def _factor(told: reference_pb2.FactorSet.Factor) -> FactorDefinition:
    return FactorDefinition(
        name=told.name.strip(),
        description=told.description.strip(),
        proxies=_symbols(told.proxies),
        less_proxies=_symbols(told.less_proxies),
        display_order=told.display_order,
        enabled=told.enabled,
    )


def _symbols(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(spelled("symbol", text) for text in texts)


FACTOR_DEFINITIONS = FactorWording(ReferenceKind.FACTOR_DEFINITIONS, pb.FactorDefinitions, reference_pb2.FactorSet)
CASH_PROXIES = Wording(ReferenceKind.CASH_PROXIES, pb.CashProxies, reference_pb2.CashProxy)
CASH_ALIASES = Wording(ReferenceKind.CASH_ALIASES, pb.CashAliases, reference_pb2.CashAlias)
EXCHANGE_PROXIES = Wording(ReferenceKind.EXCHANGE_PROXIES, pb.ExchangeProxies, reference_pb2.ExchangeProxy)
INDUSTRY_PROXIES = Wording(ReferenceKind.INDUSTRY_PROXIES, pb.IndustryProxies, reference_pb2.IndustryProxy)
POSITION_LABELS = Wording(ReferenceKind.POSITION_LABELS, pb.PositionLabels, reference_pb2.PositionLabel)
