"""Alert rules: what they ask for exists in the code, and each says how loud it is and what to do."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.commands.catalog import SERVICES
from shared.runtime.metrics import Metrics

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus"
FILES = sorted(path for path in RULES.glob("*.yml") if not path.stem.endswith("_test"))
NAME = re.compile(r"\bmraster_[a-z0-9_]+")
KINDS = {"counter": ("",), "gauge": ("",), "histogram": ("_count", "_sum", "_bucket")}


def rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def exported(service: str) -> set[str]:
    """The series of a service: those of every service, and those that its own sources name."""
    common = {f"{metric.name}{sample}" for metric in Metrics(service).registry.collect() for sample in ("", "_total")}
    found = {name for name in common if name.startswith("mraster_")}
    for source in (ROOT / "services" / service).rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
            kind = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if kind in KINDS and call.args and isinstance(call.args[0], ast.Constant):
                found |= {f"mraster_{service}_{call.args[0].value}{end}" for end in KINDS[kind]}
    return found


EXPORTED = {name for entry in SERVICES for name in exported(entry.name)}


def test_there_are_rules() -> None:
    assert [path.name for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_metric_of_a_rule_exists_in_the_code(path: Path) -> None:
    for rule in rules(path):
        used = set(NAME.findall(rule["expr"]))
        assert used, rule
        assert used <= EXPORTED, f"{rule.get('alert')}: {sorted(used - EXPORTED)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_alert_says_how_loud_it_is_and_what_to_do(path: Path) -> None:
    alerts = [rule for rule in rules(path) if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"].keys() >= {"summary", "action"}
        assert rule["expr"].count("(") == rule["expr"].count(")")
