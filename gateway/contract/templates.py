"""Path templates of `google.api.http`: `/api/v1/portfolios/{portfolio_id}:close`, `{name=shelves/*}`, `/files/**`."""

import re
from dataclasses import dataclass

_VARIABLE = re.compile(r"\{(?P<name>[a-z0-9_.]+)(?:=(?P<pattern>[^}]+))?\}")
_SEGMENT = "[^/:]+"
_REST = ".+"


@dataclass(frozen=True, slots=True)
class Template:
    """One path template."""

    text: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The fields that the path binds, in order."""
        return tuple(match["name"] for match in _VARIABLE.finditer(self.text))

    @property
    def openapi(self) -> str:
        """The path as OpenAPI writes it: variables by name alone."""
        return _VARIABLE.sub(lambda match: "{" + match["name"] + "}", self.text)

    @property
    def regex(self) -> str:
        """An RE2 expression for the paths it takes.

        A variable here takes no colon although transcoding lets it: `/a/{id}` must not claim `/a/1:close`, which is
        another RPC. What this is used for (a larger body, no token asked for) is then withheld, not granted, in doubt.
        """
        parts, end = [], 0
        for match in _VARIABLE.finditer(self.text):
            parts += [_literal(self.text[end : match.start()]), _literal(match["pattern"] or "*")]
            end = match.end()
        return "".join([*parts, _literal(self.text[end:])])


def _literal(text: str) -> str:
    wild = {"**": _REST, "*": _SEGMENT}
    return "".join(wild.get(piece) or re.escape(piece) for piece in re.split(r"(\*\*|\*)", text) if piece)
