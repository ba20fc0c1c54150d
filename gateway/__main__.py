"""`python -m gateway` runs the gateway; `--print-config` and `--print-openapi` print what it would run with."""

import argparse
import json
import os
import sys

from chassis import logs
from chassis.settings import SettingsError, read
from gateway.assembly import Assembly, assemble
from gateway.envoy.program import run_envoy
from gateway.settings import Settings


def main() -> None:
    """Run or print; exit with 2 and a sentence for each setting that is wrong."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--print-config", action="store_true", help="print Envoy's configuration and exit")
    printed.add_argument("--print-openapi", action="store_true", help="print the OpenAPI document and exit")
    arguments = parser.parse_args()
    try:
        settings = read(Settings, os.environ)
    except SettingsError as error:
        sys.stderr.writelines(f"plimsoll serve gateway: {problem}\n" for problem in error.problems)
        sys.exit(2)
    assembly = assemble(settings)
    if arguments.print_config:
        _print(assembly.configuration)
    elif arguments.print_openapi:
        _print(assembly.openapi)
    else:
        run(settings, assembly)


def run(settings: Settings, assembly: Assembly) -> None:
    """Run the gateway until it is told to stop, and exit with Envoy's exit code."""
    logs.configure("gateway", settings.log_level, settings.log_format)
    sys.exit(run_envoy(settings, assembly.configuration))


def _print(document: object) -> None:
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
