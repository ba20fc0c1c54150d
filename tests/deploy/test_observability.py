"""The dashboard asks for metrics that the chassis sends, and the collector hands on what it takes in."""

import ast
import json
import re
from pathlib import Path

import yaml

from tests.deploy.containers import compose

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"


def sent_metrics() -> set[str]:
    """Give the metrics of chassis/telemetry.py under the names that Prometheus gives them."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / "chassis" / "telemetry.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = ast.literal_eval(node.args[0]).replace(".", "_") if node.func.attr.startswith("create_") else ""
            if node.func.attr == "create_counter":
                names.add(f"{name}_total")
            elif node.func.attr == "create_histogram":
                names |= {f"{name}_seconds_bucket", f"{name}_seconds_count", f"{name}_seconds_sum"}
    return names


def test_the_dashboard_asks_for_metrics_that_are_sent() -> None:
    dashboard = json.loads((FOLDER / "grafana" / "dashboards" / "rpcs.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"plimsoll_\w+", target["expr"])
    }
    assert asked
    assert asked - sent_metrics() == set()


def test_the_dashboard_names_data_sources_that_exist() -> None:
    sources = yaml.safe_load((FOLDER / "grafana" / "datasources" / "plimsoll.yaml").read_text())["datasources"]
    dashboard = json.loads((FOLDER / "grafana" / "dashboards" / "rpcs.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} <= {source["uid"] for source in sources}


def test_addresses_name_compose_services() -> None:
    services = set(compose()["services"])
    collector = yaml.safe_load((FOLDER / "collector.yaml").read_text())
    prometheus = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    sources = yaml.safe_load((FOLDER / "grafana" / "datasources" / "plimsoll.yaml").read_text())["datasources"]
    named = [collector["exporters"]["otlp/jaeger"]["endpoint"]]
    named += prometheus["scrape_configs"][0]["static_configs"][0]["targets"]
    named += [source["url"].removeprefix("http://") for source in sources]
    assert {address.partition(":")[0] for address in named} <= services


def test_prometheus_asks_where_the_collector_answers() -> None:
    collector = yaml.safe_load((FOLDER / "collector.yaml").read_text())
    prometheus = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    port = collector["exporters"]["prometheus"]["endpoint"].rpartition(":")[2]
    assert prometheus["scrape_configs"][0]["static_configs"][0]["targets"] == [f"collector:{port}"]


def test_every_pipeline_is_made_of_parts_that_exist() -> None:
    collector = yaml.safe_load((FOLDER / "collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])
