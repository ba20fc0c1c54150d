"""`python -m services.portfolio`: the portfolio service as a process."""

from chassis.server import run
from services.portfolio.settings import Settings
from services.portfolio.wiring import NAME, build

if __name__ == "__main__":
    run(NAME, Settings, build)
