"""`python -m services.risk`: be the risk service."""

from chassis.server import run
from services.risk.settings import Settings
from services.risk.wiring import NAME, build


def main() -> None:
    """Serve until told to stop."""
    run(NAME, Settings, build)


if __name__ == "__main__":
    main()
