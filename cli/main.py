"""The `plimsoll` command. Each subcommand imports what it needs when it runs, so that the command starts fast."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import SettingsError, read
from cli.stack.errors import StackError
from cli.stack.home import Home
from cli.stack.settings import StackSettings

app = typer.Typer(
    name="plimsoll",
    help="Portfolio risk: how heavily a portfolio is loaded, with which risks, and how far from its limits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
admin = typer.Typer(help="What only whoever runs the installation may do.", no_args_is_help=True)
app.add_typer(admin, name="admin")
ingest = typer.Typer(
    help="Bring your own market data in from a CSV file. Exit code: 1 where no row of it could be used.",
    no_args_is_help=True,
)
app.add_typer(ingest, name="ingest")

SETTINGS_ARE_WRONG = 2
EmailArgument = Annotated[str, typer.Argument(help="E-mail address of the account.")]
CsvFile = Annotated[Path, typer.Argument(help="A CSV file.")]
Email = Annotated[
    str, typer.Option(help="Who signs in. Default: PLIMSOLL_EMAIL. The password: PLIMSOLL_PASSWORD, or asked for.")
]
FreePorts = Annotated[bool, typer.Option("--free-ports", help="Take any free port for every part.")]


class ServedPart(StrEnum):
    """The parts that can be served on their own."""

    PORTFOLIO = "portfolio"
    MARKETDATA = "marketdata"
    RISK = "risk"
    GATEWAY = "gateway"


class FileFormat(StrEnum):
    """The formats that a portfolio can be written in."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"
    YAML = "yaml"


class ReportForm(StrEnum):
    """The forms that a report can have."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


class Tier(StrEnum):
    """The tiers of accounts."""

    PUBLIC = "public"
    REGISTERED = "registered"
    PAID = "paid"


def main() -> None:
    """Run the command; say in one sentence what is wrong where something is."""
    try:
        app()
    except SettingsError as error:
        sys.stderr.writelines(f"plimsoll: {problem}\n" for problem in error.problems)
        sys.exit(SETTINGS_ARE_WRONG)
    except StackError as error:
        sys.exit(f"plimsoll: {error}")


@app.command()
def up(free_ports: FreePorts = False) -> None:
    """Run everything on this machine until Ctrl-C: PostgreSQL, the services and the gateway."""
    from cli import up as running

    running.up(_settings(free_ports=free_ports))


@app.command()
def demo(
    free_ports: FreePorts = False,
    once: Annotated[bool, typer.Option("--once", help="Stop after the report instead of staying up.")] = False,
) -> None:
    """Run everything, load three portfolios of real prices, print their risk report, and stay up until Ctrl-C."""
    from cli.demo import command

    command.demo(_settings(free_ports=free_ports), stay=not once)


@app.command()
def down() -> None:
    """Stop what `up` or `demo` runs in this home, and wait until it is gone."""
    from cli import down as stopping

    settings = _settings()
    print(stopping.down(Home(settings.home), stopping.patience(settings.drain_seconds)))


@app.command()
def status() -> None:
    """Show the parts that run in this home. Exit code: 0 all healthy, 1 not all, 3 nothing runs."""
    from rich.console import Console

    from cli import status as reporting

    raise typer.Exit(reporting.status(Home(_settings().home), Console()))


@app.command()
def serve(part: Annotated[ServedPart, typer.Argument(help="Which one.")]) -> None:
    """Run one part in the foreground, with settings from the environment alone."""
    from cli import serve as serving

    serving.serve(part)


@app.command()
def gateway() -> None:
    """Run the gateway in the foreground: the same as `serve gateway`."""
    serve(ServedPart.GATEWAY)


@app.command()
def migrate() -> None:
    """Create roles and schemas, or bring them up to date: in DATABASE_URL, or in the embedded database."""
    from cli import migration

    for service, revision in migration.migrate(_settings()).items():
        print(f"{service}: at revision {revision}")


@app.command()
def sync(
    provider: Annotated[
        str, typer.Option(help="Whom to ask: massive, fmp, bundled, ... Default: those of the settings, in order.")
    ] = "",
    start: Annotated[
        str, typer.Option(help="Bring all sessions from this day on anew (YYYY-MM-DD). Default: bring what is missing.")
    ] = "",
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Default: every instrument we have reference facts of.")
    ] = None,
) -> None:
    """Fetch and store price history, and seal it, so that portfolios can be valued; yields too where somebody has them.

    The funds that stand for factors come along with whatever symbols are named.
    """
    from cli import sync as syncing

    syncing.sync(Home(_settings().home), provider, symbols or [], start)


@ingest.command("bars")
def ingest_bars(
    file: CsvFile,
    email: Email = "",
    adjusted: Annotated[bool, typer.Option("--adjusted", help="Prices are adjusted for splits and dividends.")] = False,
    seal: Annotated[
        str, typer.Option(help="Session (YYYY-MM-DD) that is complete with this file: it can be valued at from now on.")
    ] = "",
) -> None:
    """Daily bars: symbol, date, close, and where known open, high, low, volume; kind, name, currency of new symbols.

    An administrator's are for all. Anybody else's go to private instruments that nobody else can see.
    """
    _ingest("bars", file, email, adjusted=adjusted, seal_date=seal)


@ingest.command("yields")
def ingest_yields(file: CsvFile, email: Email = "") -> None:
    """Treasury par yields: a date, and a column per tenor in per cent, as the Treasury publishes them."""
    _ingest("yields", file, email)


@ingest.command("fx")
def ingest_fx(file: CsvFile, email: Email = "") -> None:
    """Rates of exchange: date, base_currency, quote_currency, rate (what one of the base costs in the other)."""
    _ingest("fx", file, email)


@ingest.command("actions")
def ingest_actions(file: CsvFile, email: Email = "") -> None:
    """Corporate actions: symbol, ex_date, kind (split or dividend), value (new shares per old, or cash per share)."""
    _ingest("actions", file, email)


def _ingest(kind: str, file: Path, email: str, *, adjusted: bool = False, seal_date: str = "") -> None:
    from cli.ingest import ingest_file
    from cli.ingestion import FileKind

    used = ingest_file(Home(_settings().home), FileKind(kind), file, email, adjusted=adjusted, seal_date=seal_date)
    raise typer.Exit(0 if used else 1)


@app.command("export")
def export_portfolio(
    portfolio: Annotated[str, typer.Argument(help="Name or id of the portfolio.")],
    kind: Annotated[FileFormat, typer.Option("--format", help="What to write.")] = FileFormat.CSV,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write. Default: standard output.")
    ] = None,
    sections: Annotated[str, typer.Option(help="Parts of it, with commas between them. Default: all.")] = "",
    email: Email = "",
) -> None:
    """Write a portfolio as a file. A CSV comes back with `plimsoll import`, or the upload, as an equal portfolio."""
    from cli import export as exporting

    exporting.export(Home(_settings().home), portfolio, kind.value, output, sections, email)


@app.command("report")
def report_portfolio(
    portfolio: Annotated[str, typer.Argument(help="Name or id of the portfolio; `all`: every one, as one.")],
    kind: Annotated[ReportForm, typer.Option("--format", help="What to write.")] = ReportForm.TEXT,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write. Default: standard output.")
    ] = None,
    email: Email = "",
) -> None:
    """Report on a portfolio: what it is worth, what it is exposed to, what it can lose, how it went."""
    from cli import reporting

    reporting.report(Home(_settings().home), portfolio, kind.value, output, email)


@app.command("import")
def import_portfolio(
    file: Annotated[Path, typer.Argument(help="CSV or Excel: a template, or what a broker exports.")],
    portfolio: Annotated[
        str, typer.Option(help="Name of the portfolio; one that is not there is made. Default: the name of the file.")
    ] = "",
    entry_date: Annotated[
        str, typer.Option(help="Day of entry (YYYY-MM-DD) where neither rows nor file say one.")
    ] = "",
    email: Email = "",
) -> None:
    """Bring positions in from a file. Exit code: 1 where nothing of it is in the portfolio afterwards."""
    from cli.import_file import import_file

    used = import_file(Home(_settings().home), file, portfolio, entry_date, email)
    raise typer.Exit(0 if used else 1)


@app.command()
def coverage(
    symbols: Annotated[list[str] | None, typer.Argument(help="Default: every instrument that has prices.")] = None,
    email: Email = "",
) -> None:
    """Show how complete price histories are, and what they are good enough for."""
    from cli import coverage as covering

    covering.show(Home(_settings().home), symbols or [], email)


@app.command()
def health(target: Annotated[str, typer.Argument(help="host:port of a service, or http://host:port/path.")]) -> None:
    """Ask one part whether it can be used. Exit code: 0 yes, 1 no."""
    from cli import health as asking

    raise typer.Exit(0 if asking.ask(target) else 1)


@app.command()
def version() -> None:
    """Print the version of this software."""
    from importlib.metadata import version as installed

    print(installed("plimsoll"))


@admin.command("create")
def create_admin(email: Annotated[str, typer.Argument(help="E-mail address to sign in with.")]) -> None:
    """Make an administrator's account. The password: PLIMSOLL_ADMIN_PASSWORD, standard input, or asked for."""
    from cli import administration

    administration.create(_settings(), email)
    print(f"{email} is an administrator now")


@admin.command("rotate-key")
def rotate_key() -> None:
    """Make the next key that signs access tokens. It signs ten minutes from now; no session ends."""
    from cli import administration

    print(f"key {administration.rotate_key(_settings())}")


@admin.command("reset-password")
def reset_password(email: EmailArgument) -> None:
    """Set another password for an account; its sessions end. The password comes as for `create`."""
    from cli import administration

    administration.reset(_settings(), email)
    print(f"{email} has another password now, and no open session")


@admin.command("disable")
def disable_user(email: EmailArgument) -> None:
    """Close an account to its owner and end its sessions. Nothing is deleted."""
    from cli import administration

    administration.close(_settings(), email)
    print(f"{email} is disabled now")


@admin.command("enable")
def enable_user(email: EmailArgument) -> None:
    """Open a closed account to its owner again."""
    from cli import administration

    administration.reopen(_settings(), email)
    print(f"{email} is enabled now")


@admin.command("set-tier")
def set_tier(email: EmailArgument, tier: Annotated[Tier, typer.Argument(help="Which limits it has.")]) -> None:
    """Put an account into a tier."""
    from cli import administration

    administration.put_in_tier(_settings(), email, tier.value)
    print(f"{email} is in tier {tier.value} now")


@admin.command("verify-audit-log")
def verify_audit_log(
    noted: Annotated[str, typer.Option(help="A head printed earlier: the chain must go through it.")] = "",
) -> None:
    """Check that no line of the audit log was changed, dropped or slipped in. Exit code: 0 sound, 1 not."""
    from cli import administration

    sound, lines = administration.check_audit_log(_settings(), noted)
    print("\n".join([*lines, "the audit log is sound" if sound else "the audit log is NOT sound"]))
    raise typer.Exit(0 if sound else 1)


def _settings(*, free_ports: bool = False) -> StackSettings:
    settings = read(StackSettings, os.environ)
    return settings.on_free_ports() if free_ports else settings


if __name__ == "__main__":
    main()
