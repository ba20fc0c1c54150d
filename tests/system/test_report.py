"""`plimsoll report`: the three forms of one of the demo's portfolios, from the running stack."""

import json
import subprocess
from pathlib import Path

import pytest

from cli.report.risk import QUESTIONS
from tests.system.conftest import PASSWORD, PATIENCE_SECONDS, PLIMSOLL, Running, environment
from tests.system.test_export import EXAMPLES, upload

EMAIL = "reports@example.com"


@pytest.fixture(scope="module")
def portfolio_id(stack: Running) -> str:
    with stack.client(stack.sign_up(EMAIL)) as client:
        return upload(client, "Long & <short>", (EXAMPLES / "long_short.csv").read_bytes())


def report(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    seen = {**environment(home), "PLIMSOLL_EMAIL": EMAIL, "PLIMSOLL_PASSWORD": PASSWORD, "COLUMNS": "100"}
    return subprocess.run(
        [PLIMSOLL, "report", *arguments],
        env=seen,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_page_for_the_terminal(stack: Running, portfolio_id: str) -> None:
    done = report(stack.home, "Long & <short>")
    assert (done.returncode, done.stderr) == (0, "")
    for expected in ("Long & <short>", "Market beta", "Liquidity crisis", "Expected shortfall", "All options"):
        assert expected in done.stdout
    assert "There is no answer: no snapshot of the portfolio was ever taken." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_json_is_what_the_api_answers(stack: Running, portfolio_id: str) -> None:
    told = json.loads(report(stack.home, portfolio_id, "--format", "json").stdout)
    assert set(told) == {"complete", "overview", *QUESTIONS}
    assert {answer["portfolio_id"] for name, answer in told.items() if name != "complete"} == {portfolio_id}
    with stack.client(stack.sign_up(EMAIL)) as client:
        overview = client.get(f"/api/v1/analytics/portfolio/{portfolio_id}/overview").json()
    assert told["overview"]["metadata"] == overview["metadata"]


def test_all_portfolios_are_reported_as_one(stack: Running, portfolio_id: str) -> None:
    done = report(stack.home, "all")
    assert (done.returncode, done.stderr) == (0, "")
    for expected in ("All portfolios (2)", "Market beta", "Liquidity crisis", "Expected shortfall", "All options"):
        assert expected in done.stdout
    assert "There is no answer: snapshots are taken of one portfolio each." in done.stdout
    told = json.loads(report(stack.home, "all", "--format", "json").stdout)
    assert set(told) == {"portfolios", "overview", *QUESTIONS}
    assert {answer["portfolio_id"] for name, answer in told.items() if name != "portfolios"} == {"all"}
    assert portfolio_id in {each["portfolio_id"] for each in told["portfolios"]["portfolios"]}


def test_html_goes_to_a_file(stack: Running, portfolio_id: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = report(stack.home, portfolio_id, "--format", "html", "-o", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    page = file.read_text(encoding="utf-8")
    assert "<h1>Long &amp; &lt;short&gt;</h1>" in page
    assert page.count("<svg") >= 3


def test_what_is_not_there_is_said(stack: Running, portfolio_id: str, tmp_path: Path) -> None:
    none = report(stack.home, "Yours")
    assert (none.returncode, none.stderr) == (1, "plimsoll: there is no portfolio 'Yours'\n")
    nowhere = report(stack.home, portfolio_id, "-o", str(tmp_path / "no" / "file.txt"))
    assert nowhere.returncode == 1
    assert "cannot be written: No such file or directory" in nowhere.stderr
