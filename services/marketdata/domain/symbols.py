"""What can be a symbol at all: letters, digits and a few signs. Anything else is no symbol of any source."""

import re

SYMBOL = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-_/=:]{0,31}")


def can_be_symbol(text: str) -> bool:
    """Say whether a text in its canonical spelling can be a symbol."""
    return SYMBOL.fullmatch(text) is not None and ".." not in text
