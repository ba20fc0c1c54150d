"""Settings come from the environment, are typed, and fail at start with the name of what is wrong.

A settings class is a frozen dataclass. Its field `drain_seconds` is read from `PLIMSOLL_DRAIN_SECONDS`, or from the
file that `PLIMSOLL_DRAIN_SECONDS_FILE` names; a field may carry another variable in its metadata (see `variable`).
Constraints are msgspec's: `Annotated[int, Meta(ge=1)]`.
"""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

PREFIX = "PLIMSOLL_"
S = TypeVar("S")


class SettingsError(Exception):
    """One or more settings are missing or wrong; `problems` holds a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class Secret(str):
    """Text that must not be shown: its `repr` hides it, so that a dump of settings is harmless."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)" if self else "Secret('')"


def variable(name: str, default: Any = dataclasses.MISSING) -> Any:
    """Declare a field that is read from a variable of another name than its own, such as `DATABASE_URL`."""
    return dataclasses.field(default=default, metadata={"variable": name})


def variable_name(field: "dataclasses.Field[Any]") -> str:
    """Give the environment variable that a settings field is read from."""
    return str(field.metadata.get("variable") or PREFIX + field.name.upper())


def variables(settings: type) -> Iterator[tuple[str, "dataclasses.Field[Any]"]]:
    """Yield every variable of a settings class with its field, for documents and the tests that compare them."""
    for field in dataclasses.fields(settings):
        yield variable_name(field), field


def read(settings: type[S], environ: Mapping[str, str]) -> S:
    """Read a settings class from the environment.

    A blank variable counts as unset, and a set one goes before its file. All problems are reported at once, by
    variable; the value of a secret is never shown.

    Raises:
        SettingsError: a required variable is missing, or a value does not fit its type or bounds.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(settings, include_extras=True)
    for name, field in variables(settings):
        try:
            text = _text(name, environ)
            if text is None:
                if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                    problems.append(f"{name} is required")
                continue
            values[field.name] = _convert(text, hints[field.name])
        except OSError as error:
            problems.append(f"{name}_FILE cannot be read: {error.strerror}: {error.filename}")
        except UnicodeDecodeError:
            problems.append(f"{name}_FILE cannot be read: {environ[f'{name}_FILE']} is not text in UTF-8")
        except msgspec.ValidationError as error:
            expected = str(error).partition(", got ")[0]
            shown = "" if _bare(hints[field.name]) is Secret else f", got {text!r}"
            problems.append(f"{name}: {expected[:1].lower()}{expected[1:]}{shown}")
    if not problems:
        try:
            return settings(**values)
        except ValueError as error:
            problems.append(str(error))
    raise SettingsError(problems)


def _text(name: str, environ: Mapping[str, str]) -> str | None:
    if value := environ.get(name, "").strip():  # as in a file: a secret must not differ by the line end it came with
        return value
    if path := environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip() or None
    return None


def _convert(text: str, hint: Any) -> Any:
    bare = _bare(hint)
    if bare is Path:
        return Path(text).expanduser()
    if bare is Secret:
        return Secret(msgspec.convert(text, _plain(hint)))
    if bare is bool:
        return msgspec.convert(text.lower(), bool, strict=False)
    return msgspec.convert(text, hint, strict=False)


def _bare(hint: Any) -> Any:
    """Strip `Annotated` from a type."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _plain(hint: Any) -> Any:
    """Give the type that msgspec checks a secret as: text, under the same constraints."""
    if typing.get_origin(hint) is typing.Annotated:
        _, *constraints = typing.get_args(hint)
        return typing.Annotated[str, *constraints]
    return str
