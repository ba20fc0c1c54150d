"""The demo's portfolios go out and come back equal, through the gateway; and the command line writes them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.conftest import PASSWORD, PATIENCE_SECONDS, PLIMSOLL, Running, environment

EXAMPLES = Path(__file__).parents[2] / "examples" / "portfolios"
BOOKS = ("individual", "high_net_worth", "long_short")
PORTFOLIOS = "/api/v1/management/portfolios"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def upload(client: httpx.Client, name: str, content: bytes, kind: str = "text/csv") -> str:
    query = {"portfolio_name": name, "commit": "true"}
    answer = client.post(f"{PORTFOLIOS}/upload", params=query, content=content, headers={"content-type": kind})
    assert answer.status_code == 200, answer.text
    assert answer.json()["report"].get("errors", []) == []
    return str(answer.json()["portfolio"]["portfolio_id"])


def exported(client: httpx.Client, portfolio_id: str, kind: str) -> bytes:
    answer = client.get(f"/api/v1/export/portfolio/{portfolio_id}", params={"format": kind})
    assert answer.status_code == 200, answer.text
    return answer.content


def told(client: httpx.Client, portfolio_id: str) -> Any:
    """Everything about a portfolio that is not an id or a revision."""
    document = json.loads(exported(client, portfolio_id, "json"))
    for name in ("portfolio_id", "revision", "name"):
        del document["portfolio"][name]
    return document


def worth(client: httpx.Client, portfolio_id: str) -> Any:
    overview = client.get(f"/api/v1/analytics/portfolio/{portfolio_id}/overview").json()
    return overview["total_value"], overview["pnl"], overview["exposures"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("book", BOOKS)
def test_a_portfolio_of_the_demo_is_exported_deleted_imported_and_equal(stack: Running, book: str, kind: str):
    with stack.client(stack.sign_up("export@example.com")) as client:
        portfolio_id = upload(client, f"{book} {kind}", (EXAMPLES / f"{book}.csv").read_bytes())
        before, value = told(client, portfolio_id), worth(client, portfolio_id)
        assert len(before["positions"]) >= 15
        assert before["cash"]
        content = exported(client, portfolio_id, kind)
        assert client.delete(f"{PORTFOLIOS}/{portfolio_id}").status_code == 200
        again = upload(client, f"{book} {kind}", content, "text/csv" if kind == "csv" else XLSX)
        assert told(client, again) == before
        assert worth(client, again) == value


@pytest.mark.parametrize("book", BOOKS)
def test_the_files_of_the_earlier_system_are_worth_the_same_to_the_cent(stack: Running, book: str):
    with stack.client(stack.sign_up("yaml@example.com")) as client:
        portfolio_id = upload(client, f"{book} csv", (EXAMPLES / f"{book}.csv").read_bytes())
        content = exported(client, portfolio_id, "yaml")
        again = upload(client, f"{book} yaml", content, "application/yaml")
        assert round(worth(client, again)[0], 2) == round(worth(client, portfolio_id)[0], 2)
        assert exported(client, again, "yaml") == content


def test_headers_of_a_file(stack: Running):
    with stack.client(stack.sign_up("headers@example.com")) as client:
        portfolio_id = upload(client, "A book", (EXAMPLES / "individual.csv").read_bytes())
        answer = client.get(f"/api/v1/export/portfolio/{portfolio_id}", params={"format": "xlsx"})
        assert answer.headers["content-type"] == XLSX
        assert answer.headers["content-disposition"] == 'attachment; filename="a-book.xlsx"'
        history = client.get("/api/v1/export/history").json()["exports"]
        assert [(e["format"], e["byte_count"]) for e in history] == [("xlsx", len(answer.content))]


def command(home: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    seen = {**environment(home), "PLIMSOLL_EMAIL": "cli@example.com", "PLIMSOLL_PASSWORD": PASSWORD}
    return subprocess.run([PLIMSOLL, *arguments], env=seen, capture_output=True, timeout=PATIENCE_SECONDS, check=False)


def test_the_command_line_writes_what_the_api_gives(stack: Running, tmp_path: Path):
    with stack.client(stack.signed_in("cli@example.com")) as client:
        portfolio_id = upload(client, "Mine", (EXAMPLES / "individual.csv").read_bytes())
        for named in ("Mine", portfolio_id):
            assert command(stack.home, "export", named).stdout == exported(client, portfolio_id, "csv")
        file = tmp_path / "mine.json"
        done = command(stack.home, "export", "Mine", "--format", "json", "--sections", "cash", "-o", str(file))
        assert (done.returncode, done.stderr) == (0, b"")
        assert list(json.loads(file.read_bytes())) == ["portfolio", "cash"]
    none = command(stack.home, "export", "Yours")
    assert (none.returncode, none.stderr) == (1, b"plimsoll: there is no portfolio 'Yours'\n")
    nowhere = command(stack.home, "export", "Mine", "-o", str(tmp_path / "no" / "file.csv"))
    assert nowhere.returncode == 1
    assert b"cannot be written: No such file or directory" in nowhere.stderr


def test_what_the_command_line_exports_it_imports(stack: Running, tmp_path: Path):
    with stack.client(stack.signed_in("cli@example.com")) as client:
        portfolio_id = upload(client, "Theirs", (EXAMPLES / "long_short.csv").read_bytes())
        file = tmp_path / "theirs.csv"
        assert command(stack.home, "export", "Theirs", "-o", str(file)).returncode == 0
        done = command(stack.home, "import", str(file), "--portfolio", "Ours")
        assert done.returncode == 0, done.stderr
        assert b"saved in 'Ours'" in done.stdout
        (again,) = [p for p in client.get(PORTFOLIOS).json()["portfolios"] if p["name"] == "Ours"]
        assert told(client, again["portfolio_id"]) == told(client, portfolio_id)
        repeated = command(stack.home, "import", str(file), "--portfolio", "Ours")
        assert b"were there already" in repeated.stdout
        assert told(client, again["portfolio_id"]) == told(client, portfolio_id)
    unread = command(stack.home, "import", str(tmp_path / "none.csv"))
    assert (unread.returncode, b"cannot be read: No such file" in unread.stderr) == (1, True)
