"""What the risk service keeps goes when a portfolio or an account ends, through the whole stack."""

import asyncio

import asyncpg
import httpx

from cli.stack.credentials import Credentials
from cli.stack.databases import embedded_url
from cli.stack.home import Home
from tests.system.conftest import Running, wait_until
from tests.system.test_first_path import upload


def keep(client: httpx.Client, portfolio_id: str) -> str:
    """Ask for a snapshot and for an answer; give the answer's id, under which it is there."""
    made = client.post(f"/api/v1/portfolios/{portfolio_id}/snapshots", json={})
    assert made.status_code == 200, made.text
    answer = client.get(f"/api/v1/analytics/portfolio/{portfolio_id}/overview")
    assert answer.status_code == 200, answer.text
    result_id = str(answer.json()["metadata"]["result_id"])
    assert client.get(f"/api/v1/results/{result_id}").status_code == 200
    return result_id


def rows_of(stack: Running, user_id: str) -> dict[str, int]:
    """Count the rows of a user in every table of risk that has an owner, as the service itself sees them."""

    async def count() -> dict[str, int]:
        url = embedded_url("risk", stack.address("postgres"), Credentials(Home(stack.home).secrets))
        connection = await asyncpg.connect(url, server_settings={"plimsoll.user_id": user_id})
        try:
            tables = await connection.fetch("""
                SELECT table_name FROM information_schema.columns
                WHERE table_schema = 'risk' AND column_name = 'owner_id'""")
            queries = {row[0]: f"SELECT count(*) FROM risk.{row[0]} WHERE owner_id = $1" for row in tables}
            return {table: await connection.fetchval(query, user_id) for table, query in queries.items()}
        finally:
            await connection.close()

    return asyncio.run(count())


def test_results_end_with_their_portfolio_and_everything_with_the_account(stack: Running):
    leaver, neighbour = stack.sign_up("ender@example.com"), stack.sign_up("neighbour@example.com")
    with stack.client(leaver) as client, stack.client(neighbour) as other:
        user_id = client.get("/api/v1/auth/me").json()["user_id"]
        ended, stays = (upload(client)["portfolio"]["portfolio_id"] for _ in range(2))
        first, second, of_all = keep(client, ended), keep(client, stays), overview_of_all(client)
        theirs = keep(other, upload(other)["portfolio"]["portfolio_id"])
        assert client.delete(f"/api/v1/management/portfolios/{ended}").status_code == 200
        assert client.get(f"/api/v1/analytics/portfolio/{ended}/overview").status_code == 404, "cached, and not given"
        wait_until(lambda: status(client, first) == 404, "the result of a deleted portfolio is gone")
        assert [status(client, result_id) for result_id in (second, of_all)] == [200, 200]
        assert rows_of(stack, user_id) == {"results": 2, "snapshots": 1}
        assert client.delete("/api/v1/auth/me").status_code == 200
        wait_until(lambda: set(rows_of(stack, user_id).values()) == {0}, "nothing of a deleted account is left")
        assert status(other, theirs) == 200


def overview_of_all(client: httpx.Client) -> str:
    """Ask about all portfolios as one; give the answer's id."""
    answer = client.get("/api/v1/analytics/portfolio/all/overview")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["metadata"]["result_id"])


def status(client: httpx.Client, result_id: str) -> int:
    """Give what is said when a result is asked for."""
    return client.get(f"/api/v1/results/{result_id}").status_code
