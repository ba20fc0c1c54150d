"""The funds that stand for factors in our own reference sets: every sync brings them along."""

from services.marketdata.domain.factors import FactorSet
from services.marketdata.domain.reference import ReferenceKind
from services.marketdata.reference.defaults import read_defaults


def factor_funds() -> list[str]:
    """Give the symbols of all benchmarks and proxies, each once, in the order of the sets."""
    sets = [one for one in read_defaults()[ReferenceKind.FACTOR_DEFINITIONS] if isinstance(one, FactorSet)]
    return list(dict.fromkeys(symbol for one in sets for symbol in one.symbols()))
