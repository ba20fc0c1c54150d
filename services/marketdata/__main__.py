"""`python -m services.marketdata`: be the marketdata service."""

from chassis.server import run
from services.marketdata.settings import Settings
from services.marketdata.wiring import NAME, build


def main() -> None:
    """Serve until told to stop."""
    run(NAME, Settings, build)


if __name__ == "__main__":
    main()
