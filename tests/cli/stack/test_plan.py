"""The plan of the whole system: what is started, in which order, and what each part is told."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from chassis.settings import read
from cli.stack.embedded import SPEAKERS
from cli.stack.errors import PortTaken
from cli.stack.home import Home
from cli.stack.plan import full_stack
from cli.stack.program import ProcessProgram
from cli.stack.settings import StackSettings
from cli.stack.stack import Wave
from cli.stack.transcript import Transcript
from gateway.settings import Settings as GatewaySettings
from services.marketdata.settings import Settings as MarketDataSettings
from services.portfolio.settings import Settings as PortfolioSettings
from services.risk.settings import Settings as RiskSettings

URL = "postgresql://somebody:secret@db.example:5432/plimsoll"


async def waves_of(home: Home, environ: Mapping[str, str]) -> Sequence[Wave]:
    home.prepare()
    transcript = Transcript(home.logs, SPEAKERS)
    try:
        settings = read(StackSettings, environ).on_free_ports()
        return await full_stack(settings, home, transcript, environ)()
    finally:
        transcript.close()


def environments(waves: Sequence[Wave]) -> dict[str, Mapping[str, str]]:
    return {
        part.name: part.program.launch.environment
        for wave in waves
        for part in wave.parts
        if isinstance(part.program, ProcessProgram)
    }


def names(waves: Sequence[Wave]) -> list[list[str]]:
    return [[part.name for part in wave.parts] for wave in waves]


async def test_the_database_comes_first_and_the_gateway_last(tmp_path: Path) -> None:
    waves = await waves_of(Home(tmp_path), {})
    assert names(waves) == [["postgres"], ["marketdata", "portfolio", "risk"], ["gateway"]]
    assert waves[1].first is not None


async def test_every_part_can_read_its_settings(tmp_path: Path) -> None:
    waves = await waves_of(Home(tmp_path), {})
    told = environments(waves)
    addresses = {part.name: part.address for wave in waves for part in wave.parts}
    portfolio = read(PortfolioSettings, told["portfolio"])
    marketdata = read(MarketDataSettings, told["marketdata"])
    risk = read(RiskSettings, told["risk"])
    gateway = read(GatewaySettings, told["gateway"])
    assert portfolio.listen_address == risk.portfolio_address == gateway.portfolio_address == addresses["portfolio"]
    assert marketdata.listen_address == risk.marketdata_address == portfolio.marketdata_address
    assert gateway.gateway_address == addresses["gateway"]
    assert gateway.risk_address == risk.listen_address == addresses["risk"]
    assert portfolio.service_key == marketdata.service_key == risk.service_key
    assert portfolio.key_secret not in ("", portfolio.service_key)
    assert str(portfolio.database_url).startswith("postgresql://portfolio_app:")
    assert str(portfolio.database_url).endswith(f"@{addresses['postgres']}/plimsoll")
    assert str(marketdata.database_url).startswith("postgresql://marketdata_app:")
    assert len(set(addresses.values())) == 5


async def test_nobody_is_told_more_than_it_needs(tmp_path: Path) -> None:
    told = environments(await waves_of(Home(tmp_path), {"PORTFOLIO_DATABASE_URL": URL, "PLIMSOLL_HOME": "/somewhere"}))
    assert told["risk"]["DATABASE_URL"].startswith("postgresql://risk_app:")
    assert "DATABASE_URL" not in told["gateway"]
    assert "PLIMSOLL_SERVICE_KEY_FILE" not in told["gateway"]
    assert "PLIMSOLL_KEY_SECRET_FILE" not in told["marketdata"]
    for environment in told.values():
        assert "PORTFOLIO_DATABASE_URL" not in environment
        assert "PLIMSOLL_HOME" not in environment


async def test_settings_of_the_services_reach_them(tmp_path: Path) -> None:
    given = {"PLIMSOLL_LOG_LEVEL": "debug", "PLIMSOLL_LOG_FORMAT": "json", "REDIS_URL": "redis://r", "PATH": "/bin"}
    for environment in environments(await waves_of(Home(tmp_path), given)).values():
        assert environment.items() >= given.items()


async def test_an_address_that_all_would_share_is_not_passed_on(tmp_path: Path) -> None:
    given = {"PLIMSOLL_LISTEN_ADDRESS": "127.0.0.1:1", "PLIMSOLL_ADMIN_ADDRESS": "127.0.0.1:2"}
    told = environments(await waves_of(Home(tmp_path), given))
    assert "127.0.0.1:1" not in told["risk"].values()
    assert "PLIMSOLL_ADMIN_ADDRESS" not in told["risk"]


async def test_a_key_of_the_user_is_kept(tmp_path: Path) -> None:
    told = environments(await waves_of(Home(tmp_path), {"PLIMSOLL_SERVICE_KEY": "k" * 40}))
    assert told["risk"]["PLIMSOLL_SERVICE_KEY"] == "k" * 40
    assert "PLIMSOLL_SERVICE_KEY_FILE" not in told["risk"]
    assert not (tmp_path / "secrets" / "service_key").exists()


async def test_no_database_is_started_where_one_is_named(tmp_path: Path) -> None:
    waves = await waves_of(Home(tmp_path), {"DATABASE_URL": URL})
    assert names(waves) == [["marketdata", "portfolio", "risk"], ["gateway"]]
    told = environments(waves)
    assert {told[service]["DATABASE_URL"] for service in ("portfolio", "marketdata", "risk")} == {URL}


async def test_a_service_may_have_a_database_of_its_own(tmp_path: Path) -> None:
    waves = await waves_of(Home(tmp_path), {"MARKETDATA_DATABASE_URL": URL})
    assert names(waves)[0] == ["postgres"]
    told = environments(waves)
    assert told["marketdata"]["DATABASE_URL"] == URL
    assert told["portfolio"]["DATABASE_URL"].startswith("postgresql://portfolio_app:")


async def test_grace_is_the_drain_and_two_seconds(tmp_path: Path) -> None:
    waves = await waves_of(Home(tmp_path), {"PLIMSOLL_DRAIN_SECONDS": "3"})
    programs = [part.program for wave in waves[1:] for part in wave.parts]
    assert {program.launch.grace_seconds for program in programs if isinstance(program, ProcessProgram)} == {5.0}
    assert read(RiskSettings, environments(waves)["risk"]).drain_seconds == 3.0


async def test_ports_are_settled_before_anything_else(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settings = read(StackSettings, {"PLIMSOLL_RISK_PORT": "8080"})
    with pytest.raises(PortTaken, match="both name port 8080"):
        await full_stack(settings, home, None, {})()  # type: ignore[arg-type]  it is never reached
    assert not home.secrets.exists()
