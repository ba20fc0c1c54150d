"""The README's first calls, run as they are printed, against a stack that is up."""

import json
import re
import subprocess
from pathlib import Path

from tests.system.conftest import Running

ROOT = Path(__file__).parents[2]


def test_the_first_calls_work_as_they_stand(stack: Running):
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (script,) = [block for block in blocks if block.startswith("API=")]
    here = script.replace("http://127.0.0.1:8080", stack.url)
    assert here != script
    spaced = re.sub(r"^curl", "echo; curl", here, flags=re.MULTILINE)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", spaced], cwd=ROOT, capture_output=True, text=True, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    _, complete, overview, earlier, greeks, factors, stress, coverage = answers
    assert len(complete["positions"]) == 30
    assert overview["available"]
    assert earlier["metadata"]["as_of_date"] == "2022-11-30"
    assert greeks["view"] == "options"
    assert len(greeks["positions"]) == 12
    assert factors["market_beta"] > 0.0
    assert [one["id"] for one in stress["scenarios"]] == ["market_down_10"]
    assert [symbol["symbol"] for symbol in coverage["symbols"]] == ["AAPL", "XOM"]
    (uploaded,) = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert uploaded["report"]["positions_saved_count"] == 30
