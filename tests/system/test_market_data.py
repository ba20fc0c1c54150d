"""An installation is given its own market data by the command line, and answers with it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.databases import make_home, remove_home
from tests.services.marketdata.treasury import PAR_YIELDS, TENORS
from tests.system.conftest import PASSWORD, PATIENCE_SECONDS, PLIMSOLL, Running, environment, start, stop

ADMIN = "root@example.com"


def ingest(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `plimsoll` as an administrator would."""
    seen = {**environment(home), "PLIMSOLL_EMAIL": ADMIN, "PLIMSOLL_PASSWORD": PASSWORD}
    return subprocess.run(
        [PLIMSOLL, *arguments], env=seen, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


@contextmanager
def installation(home: Path) -> Iterator[Running]:
    """A stack with an administrator and no market data."""
    running = start(home)
    try:
        seen = {**environment(home), "PLIMSOLL_ADMIN_PASSWORD": PASSWORD}
        subprocess.run(
            [PLIMSOLL, "admin", "create", ADMIN], env=seen, check=True, capture_output=True, timeout=PATIENCE_SECONDS
        )
        yield running
    finally:
        stop(running)


@pytest.fixture
def own_stack(home: Path) -> Iterator[Running]:
    """An installation of the test's own."""
    with installation(home) as running:
        yield running


@pytest.fixture(scope="module")
def empty_stack() -> Iterator[Running]:
    """One that several tests give what the others do not look at."""
    home = make_home()
    with installation(home) as running:
        yield running
    remove_home(home)


def token_of(running: Running) -> str:
    with running.client() as client:
        session = client.post("/api/v1/auth/login", json={"email": ADMIN, "password": PASSWORD})
    return str(session.json()["access_token"])


def test_files_of_an_administrator_are_read_back(empty_stack: Running, tmp_path: Path):
    bars, actions = tmp_path / "bars.csv", tmp_path / "actions.csv"
    bars.write_text("symbol,date,close,kind\nOWN,2022-12-27,50,ETF\nOWN,2022-12-28,5.1,\nOWN,2022-12-26,1,\n")
    actions.write_text("symbol,ex_date,kind,value\nOWN,2022-12-28,split,10\n")
    told = ingest(empty_stack.home, "ingest", "bars", str(bars))
    assert told.returncode == 0, told.stderr
    assert "line 4: not_a_session" in told.stdout
    assert "3 rows; 2 values stored; 1 in quarantine" in told.stdout
    told = ingest(empty_stack.home, "ingest", "actions", str(actions))
    assert (told.returncode, told.stderr) == (0, "")
    told = ingest(empty_stack.home, "ingest", "bars", str(bars))
    assert "0 values stored: all of it was known" in told.stdout

    with empty_stack.client(token_of(empty_stack)) as client:
        bars_read = client.get("/api/v1/marketdata/bars/OWN", params={"end_date": "2022-12-28"}).json()
        assert [(bar["session_date"], bar["close"]) for bar in bars_read["bars"]] == [
            ("2022-12-27", 50.0),
            ("2022-12-28", 5.1),
        ]
        listed = client.get("/api/v1/marketdata/corporate-actions/OWN").json()
        assert [(one["ex_date"], one["kind"], one["value"]) for one in listed["actions"]] == [
            ("2022-12-28", "SPLIT", 10.0)
        ]
        uploaded = client.post(
            "/api/v1/marketdata/bars:upload",
            content=b"symbol,date,close\nOWN,2022-12-23,49\n",
            headers={"content-type": "text/csv"},
        )
        assert (uploaded.status_code, uploaded.json()["stored_count"]) == (200, 1)

    told = ingest(empty_stack.home, "coverage", "OWN")
    assert told.returncode == 1
    assert "no session of market data has been sealed yet" in told.stderr
    told = ingest(empty_stack.home, "ingest", "bars", str(bars), "--seal", "2022-12-28")
    assert "sealed up to 2022-12-28" in told.stdout
    told = ingest(empty_stack.home, "coverage", "OWN")
    assert (told.returncode, told.stderr) == (0, "")
    assert "Prices up to 28 Dec 2022: 1 of 1 instruments, 100.0% of their sessions" in " ".join(told.stdout.split())
    assert "OWN: in quarantine: 1" in told.stdout


def test_a_correction_changes_todays_answer_and_not_the_earlier_one(own_stack: Running, tmp_path: Path):
    bars, yields = tmp_path / "bars.csv", tmp_path / "yields.csv"
    answers = []
    for close, per_cent in ((5.1, 3.88), (5.2, 3.9)):
        bars.write_text(f"symbol,date,close\nOWN,2022-12-27,5\nOWN,2022-12-28,{close}\n")
        yields.write_text(f"Date,10 Yr\n12/28/2022,{per_cent}\n")
        for kind, path in (("bars", bars), ("yields", yields)):
            told = ingest(own_stack.home, "ingest", kind, str(path))
            assert told.returncode == 0, told.stderr
        assert told.stdout == "1 rows; 1 values stored; 0 in quarantine\n"
        with own_stack.client(token_of(own_stack)) as client:
            versions = [0, *(version for version, _, _ in answers)]
            found = [known_at(client, version) for version in versions]
        assert found[1:] == [(then, *rest) for then, *rest in answers]
        answers.append(found[0])
    assert answers == [(2, [5.0, 5.1], 0.0388), (4, [5.0, 5.2], 0.039)]


def known_at(client: httpx.Client, version: int) -> tuple[int, list[float], float]:
    """What was known at a version (0: now): which one it is, closes, and the yield of ten years."""
    query = {"end_date": "2022-12-28", "known_at_version": version}
    bars = client.get("/api/v1/marketdata/bars/OWN", params=query).json()
    query = {"as_of_date": "2022-12-28", "known_at_version": version}
    curve = client.get("/api/v1/marketdata/yields", params=query).json()["curves"][0]
    return bars["data_version"], [bar["close"] for bar in bars["bars"]], curve["yields"][0]["yield"]


def test_who_is_nobody_brings_nothing(empty_stack: Running, tmp_path: Path):
    bars = tmp_path / "bars.csv"
    bars.write_text("symbol,date,close\nOWN,2022-12-27,50\n")
    seen = {**environment(empty_stack.home), "PLIMSOLL_EMAIL": "nobody@example.com", "PLIMSOLL_PASSWORD": PASSWORD}
    told = subprocess.run(
        [PLIMSOLL, "ingest", "bars", bars],
        env=seen,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert told.returncode == 1
    assert told.stderr.startswith("plimsoll: ")
    assert "Traceback" not in told.stderr


def test_yields_as_the_treasury_publishes_them_are_ingested_and_read_back(empty_stack: Running, tmp_path: Path):
    path = tmp_path / "treasury_par_yields_daily.csv"
    path.write_text(PAR_YIELDS)
    told = ingest(empty_stack.home, "ingest", "yields", str(path))
    assert told.returncode == 0, told.stderr
    assert "7 rows; 74 values stored; 0 in quarantine" in told.stdout
    with empty_stack.client(token_of(empty_stack)) as client:
        answer = client.get("/api/v1/marketdata/yields", params={"as_of_date": "2022-12-31"}).json()
        assert answer["available"]
        assert answer["curves"][0]["curve_date"] == "2022-12-30"
        assert [one["tenor"] for one in answer["curves"][0]["yields"]] == TENORS
        month = client.get(
            "/api/v1/marketdata/yields",
            params={"start_date": "1990-01-01", "as_of_date": "1990-01-31", "tenors": "10Y"},
        ).json()
    assert [(curve["curve_date"], curve["yields"]) for curve in month["curves"]] == [
        ("1990-01-02", [{"tenor": "10Y", "yield": 0.0794}]),
        ("1990-01-03", [{"tenor": "10Y", "yield": 0.0799}]),
        ("1990-01-31", [{"tenor": "10Y", "yield": 0.0843}]),
    ]
