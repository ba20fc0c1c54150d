"""What a benchmark found, on which machine; as a table for people and as JSON for comparison."""

import dataclasses
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

LATEST = Path(__file__).parent / "results" / "latest"


class CannotMeasure(Exception):
    """Something that the benchmark needs is not there, or did not work; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured. Figures of different machines do not compare."""

    cores: int
    processor: str
    memory_gb: float
    system: str
    python: str


@dataclass(frozen=True, slots=True)
class Case:
    """One way the thing was measured. The unit of a figure stands in its name."""

    name: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """All cases of one benchmark in one run."""

    benchmark: str
    subject: str
    cases: Sequence[Case]
    machine: Machine = field(default_factory=lambda: this_machine())
    measured_time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def this_machine() -> Machine:
    """The machine that this runs on, with the cores that it may really use."""
    pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        memory_gb=round(pages * page_size / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def write(measurement: Measurement, folder: Path = LATEST) -> Path:
    """Writes a measurement as JSON, replacing the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{measurement.benchmark}.json"
    path.write_text(json.dumps(dataclasses.asdict(measurement), indent=2) + "\n", encoding="utf-8")
    return path


def show(measurement: Measurement, console: Console) -> None:
    """Prints a measurement as a table."""
    machine = measurement.machine
    console.print(f"{measurement.benchmark}: {measurement.subject}", style="bold", soft_wrap=True, highlight=False)
    table = Table()
    table.caption = f"{machine.cores} cores of {machine.processor}, Python {machine.python}"
    table.add_column("case")
    for figure in dict.fromkeys(name for case in measurement.cases for name in case.figures):
        table.add_column(figure, justify="right")
    for case in measurement.cases:
        table.add_row(case.name, *map(_three_digits, case.figures.values()))
    console.print(table)


def _three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
