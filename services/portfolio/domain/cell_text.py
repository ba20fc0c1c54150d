"""Free text in the cells of a CSV, so that no spreadsheet takes it for a formula, and back again.

A spreadsheet evaluates a cell that begins with `=`, `+`, `-` or `@`, also in its full-width form, and one installed for
another country cuts a line at semicolons or tabs too, so that a formula may begin inside of what we wrote as one cell.
An apostrophe in front makes it text. Where there were apostrophes already there is one more, so that `unguarded` gives
exactly what `guarded` was given. (OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.)
"""

import re

BEGINNING = r"(^|[,;|\t\r\n])(\s*)"
FORMULA = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
UNGUARDED = re.compile(f"{BEGINNING}('*{FORMULA})")
GUARDED = re.compile(f"{BEGINNING}'('*{FORMULA})")


def guarded(text: str) -> str:
    """Give a text with an apostrophe before whatever could be taken for the beginning of a formula."""
    return UNGUARDED.sub(r"\1\2'\3", text)


def unguarded(text: str) -> str:
    """Give the text that was guarded; one that never was comes back as it is, unless it looks guarded."""
    return GUARDED.sub(r"\1\2\3", text)
