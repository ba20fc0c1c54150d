"""Where to go on from the report: addresses, credentials, and commands that can be pasted as they stand."""

import json
import shlex
from dataclasses import dataclass

from rich.console import Console

from cli.demo.account import Account
from cli.demo.importing import PORTFOLIOS

BEARER = '-H "authorization: Bearer $TOKEN"'
PICK_TOKEN = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"access_token\"])'"  # noqa: S105  a command
EXAMPLE = "-H 'content-type: text/csv' --data-binary @examples/portfolios/individual.csv"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Shell commands, and what they are for."""

    title: str
    commands: tuple[str, ...]


def print_farewell(console: Console, base_url: str, account: Account, portfolio_id: str) -> None:
    """Prints all of it. Long lines are left to the terminal: a command broken by us could not be pasted."""
    console.rule("[bold]Go on from here[/]", align="left", style="cyan")
    console.print(f"API in the browser   {base_url}/docs", highlight=False)
    console.print(f"Health               {base_url}/healthz", highlight=False)
    console.print(f"Sign in as           {account.email}   password {account.password}", highlight=False, markup=False)
    for recipe in recipes(base_url, account, portfolio_id):
        console.print(f"\n# {recipe.title}", style="dim", highlight=False)
        for command in recipe.commands:
            console.print(command, soft_wrap=True, markup=False, highlight=False)
    console.print()


def recipes(base_url: str, account: Account, portfolio_id: str) -> tuple[Recipe, ...]:
    """What to paste into a shell at the root of the repository. Each recipe needs only those above it."""
    credentials = shlex.quote(json.dumps({"email": account.email, "password": account.password}))
    login = f"{base_url}/api/v1/auth/login -H 'content-type: application/json' -d {credentials}"
    portfolios = f"{base_url}{PORTFOLIOS}"
    overview = f"{base_url}/api/v1/analytics/portfolio/{portfolio_id}/overview"
    return (
        Recipe("sign in; the token lives 15 minutes", (f"TOKEN=$(curl -s {login} | {PICK_TOKEN})",)),
        Recipe(
            "read with the token",
            (
                f"curl -s {BEARER} {portfolios}",
                f"curl -s {BEARER} {base_url}/api/v1/data/portfolio/{portfolio_id}/complete",
                f"curl -s {BEARER} {overview}",
            ),
        ),
        Recipe(
            "read with the cookie that signing in sets; it cannot write",
            (f"curl -s -o /dev/null -c cookies.txt {login}", f"curl -s -b cookies.txt {overview}"),
        ),
        Recipe(
            "bring in a book of your own",
            (f"curl -s {BEARER} {EXAMPLE} '{portfolios}/upload?portfolio_name=Mine&commit=true'",),
        ),
    )
