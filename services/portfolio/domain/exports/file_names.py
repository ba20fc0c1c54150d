"""Names of files that are given out, made of names that users chose."""

import re

UNUSUAL = re.compile(r"[^A-Za-z0-9]+")
LONGEST = 60


def file_name(name: str, ending: str) -> str:
    """Give a name that is safe in a header and in every file system: `Long/short` becomes `long-short.csv`."""
    plain = UNUSUAL.sub("-", name).strip("-").lower()[:LONGEST].strip("-")
    return f"{plain or 'portfolio'}.{ending}"
