"""Settings: typed, bounded, from variables or files; all that is wrong is said at once, and no secret with it."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from chassis.service_settings import (
    Address,
    DatabaseSettings,
    Key,
    OptionalAddress,
    ServiceSettings,
)
from chassis.settings import Secret, SettingsError, read, variable, variables

KEY = "0123456789abcdef0123456789abcdef"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dock:
    """One field of every kind."""

    berth: str
    depth: Annotated[int, Meta(ge=1, le=20)] = 5
    length: Annotated[float, Meta(gt=0)] = 100.5
    lit: bool = False
    side: Literal["north", "south"] = "north"
    folder: Path = Path("/var/dock")
    password: Annotated[Secret, Meta(min_length=8)] = Secret("")
    tide_url: Secret = variable("TIDE_URL", Secret(""))
    ships: tuple[str, ...] = dataclasses.field(default_factory=tuple)

    def __post_init__(self) -> None:
        if self.berth == "none":
            raise ValueError("PLIMSOLL_BERTH must not be none")


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(Dock, {"PLIMSOLL_BERTH": "b", **environ})
    assert str(caught.value) == "; ".join(caught.value.problems)
    return caught.value.problems


def test_every_type_is_read() -> None:
    environ = {
        "PLIMSOLL_BERTH": "b1",
        "PLIMSOLL_DEPTH": "7",
        "PLIMSOLL_LENGTH": "2.5",
        "PLIMSOLL_LIT": "TRUE",
        "PLIMSOLL_SIDE": "south",
        "PLIMSOLL_FOLDER": "/srv",
        "PLIMSOLL_PASSWORD": "long enough",
        "TIDE_URL": "tide://x",
    }
    password, tide = Secret("long enough"), Secret("tide://x")
    expected = Dock(
        berth="b1", depth=7, length=2.5, lit=True, side="south", folder=Path("/srv"), password=password, tide_url=tide
    )
    assert read(Dock, environ) == expected


def test_a_field_not_set_has_its_default() -> None:
    assert read(Dock, {"PLIMSOLL_BERTH": "b"}) == Dock(berth="b")


def test_a_blank_variable_counts_as_unset() -> None:
    assert read(Dock, {"PLIMSOLL_BERTH": "b", "PLIMSOLL_DEPTH": "", "PLIMSOLL_LIT": "  \n"}) == Dock(berth="b")


def test_a_required_variable_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        read(Dock, {"PLIMSOLL_BERTH": " "})
    assert caught.value.problems == ["PLIMSOLL_BERTH is required"]


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("DEPTH", "0", "expected `int` >= 1"),
        ("DEPTH", "21", "expected `int` <= 20"),
        ("DEPTH", "deep", "expected `int`"),
        ("DEPTH", "1_0", "expected `int`"),
        ("LENGTH", "0", "expected `float` > 0.0"),
        ("LENGTH", "nan", "expected `float` > 0.0"),
        ("LIT", "perhaps", "expected `bool`"),
        ("SIDE", "east", "invalid enum value 'east'"),
    ],
)
def test_a_wrong_value_is_shown_with_its_rule(name: str, value: str, rule: str) -> None:
    assert problems(**{f"PLIMSOLL_{name}": value}) == [f"PLIMSOLL_{name}: {rule}, got {value!r}"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read(Dock, {"PLIMSOLL_DEPTH": "x", "PLIMSOLL_LIT": "y", "PLIMSOLL_SIDE_FILE": "/nowhere"})
    assert [problem.split()[0].rstrip(":") for problem in caught.value.problems] == [
        "PLIMSOLL_BERTH",
        "PLIMSOLL_DEPTH",
        "PLIMSOLL_LIT",
        "PLIMSOLL_SIDE_FILE",
    ]


def test_what_the_class_itself_refuses_is_a_problem() -> None:
    assert problems(PLIMSOLL_BERTH="none") == ["PLIMSOLL_BERTH must not be none"]


def test_a_file_is_read_and_stripped(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("long enough\r\n")
    found = read(Dock, {"PLIMSOLL_BERTH": "b", "PLIMSOLL_PASSWORD_FILE": str(tmp_path / "secret")})
    assert found.password == "long enough"


def test_a_variable_and_a_file_with_the_same_line_end_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("long enough\n")
    by_file = read(Dock, {"PLIMSOLL_BERTH": "b", "PLIMSOLL_PASSWORD_FILE": str(tmp_path / "secret")})
    assert read(Dock, {"PLIMSOLL_BERTH": "b", "PLIMSOLL_PASSWORD": "long enough\n"}) == by_file


def test_a_variable_goes_before_its_file(tmp_path: Path) -> None:
    (tmp_path / "berth").write_text("by file")
    assert read(Dock, {"PLIMSOLL_BERTH": "by name", "PLIMSOLL_BERTH_FILE": str(tmp_path / "berth")}).berth == "by name"


def test_an_empty_file_counts_as_unset(tmp_path: Path) -> None:
    (tmp_path / "berth").write_text("\n")
    assert problems(PLIMSOLL_BERTH="", PLIMSOLL_BERTH_FILE=str(tmp_path / "berth")) == ["PLIMSOLL_BERTH is required"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    expected = f"PLIMSOLL_PASSWORD_FILE cannot be read: No such file or directory: {absent}"
    assert problems(PLIMSOLL_PASSWORD_FILE=str(absent)) == [expected]
    assert problems(PLIMSOLL_PASSWORD_FILE=str(tmp_path)) == [
        f"PLIMSOLL_PASSWORD_FILE cannot be read: Is a directory: {tmp_path}"
    ]


def test_a_file_that_is_no_text_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"secret\xff")
    expected = f"PLIMSOLL_PASSWORD_FILE cannot be read: {tmp_path / 'binary'} is not text in UTF-8"
    assert problems(PLIMSOLL_PASSWORD_FILE=str(tmp_path / "binary")) == [expected]


def test_a_secret_that_is_refused_is_not_shown() -> None:
    assert problems(PLIMSOLL_PASSWORD="pssst") == ["PLIMSOLL_PASSWORD: expected `str` of length >= 8"]


def test_a_dump_of_settings_shows_no_secret() -> None:
    found = read(Dock, {"PLIMSOLL_BERTH": "b", "PLIMSOLL_PASSWORD": "long enough", "TIDE_URL": "tide://x"})
    assert "long enough" not in repr(found)
    assert "tide://x" not in repr(found)
    assert (repr(Secret("x")), repr(Secret(""))) == ("Secret(***)", "Secret('')")


def test_a_path_may_begin_at_home() -> None:
    assert read(Dock, {"PLIMSOLL_BERTH": "b", "PLIMSOLL_FOLDER": "~/dock"}).folder == Path.home() / "dock"


def test_variables_are_listed_by_name() -> None:
    names = [name for name, _ in variables(Dock)]
    assert names[:2] == ["PLIMSOLL_BERTH", "PLIMSOLL_DEPTH"]
    assert "TIDE_URL" in names
    assert "PLIMSOLL_TIDE_URL" not in names


def service_settings(**environ: str) -> ServiceSettings:
    needed = {"PLIMSOLL_LISTEN_ADDRESS": "127.0.0.1:0", "PLIMSOLL_SERVICE_KEY": KEY}
    return read(ServiceSettings, needed | environ)


def test_a_service_needs_an_address_and_a_key() -> None:
    with pytest.raises(SettingsError) as caught:
        read(ServiceSettings, {})
    assert caught.value.problems == ["PLIMSOLL_LISTEN_ADDRESS is required", "PLIMSOLL_SERVICE_KEY is required"]


def test_the_well_known_variables_have_no_prefix() -> None:
    assert service_settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://o").otlp_endpoint == "http://o"
    assert service_settings(REDIS_URL="redis://r", PLIMSOLL_REDIS_URL="x").redis_url == "redis://r"
    database = read(DatabaseSettings, {"DATABASE_URL": "postgresql://u:p@h/d"})
    assert database.database_url == "postgresql://u:p@h/d"
    assert "u:p" not in repr(database)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:50051", "[::1]:50051", "[::]:1", "risk.svc:65535"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    assert service_settings(PLIMSOLL_LISTEN_ADDRESS=address).listen_address == address
    assert service_settings(PLIMSOLL_ADMIN_ADDRESS=address).admin_address == address


@pytest.mark.parametrize(
    "address", ["localhost", ":50051", "::1:50051", "host:port", "a b:1", "http://h:1", "h:123456"]
)
@pytest.mark.parametrize("name", ["PLIMSOLL_LISTEN_ADDRESS", "PLIMSOLL_ADMIN_ADDRESS"])
def test_anything_else_is_no_address(name: str, address: str) -> None:
    with pytest.raises(SettingsError, match=name):
        service_settings(**{name: address})


def test_a_service_key_is_long() -> None:
    with pytest.raises(SettingsError, match=r"PLIMSOLL_SERVICE_KEY: expected `str` of length >= 32$"):
        service_settings(PLIMSOLL_SERVICE_KEY=KEY[:-1])


@pytest.mark.parametrize("seconds", ["-1", "301", "inf", "nan", "soon"])
def test_a_drain_is_bounded(seconds: str) -> None:
    with pytest.raises(SettingsError, match="PLIMSOLL_DRAIN_SECONDS"):
        service_settings(PLIMSOLL_DRAIN_SECONDS=seconds)


def test_the_types_of_addresses_and_keys_are_for_other_settings_too() -> None:
    @dataclasses.dataclass(frozen=True)
    class Caller:
        """Another class with the same kinds of field."""

        callee_address: Address
        callee_key: Key
        other_address: OptionalAddress = ""

    found = read(Caller, {"PLIMSOLL_CALLEE_ADDRESS": "h:1", "PLIMSOLL_CALLEE_KEY": KEY})
    assert found == Caller("h:1", Secret(KEY))
