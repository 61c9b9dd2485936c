"""Alerts and dashboard: every figure that they name is on /metrics, and every alert says what to do."""

import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from creditsvc.environment import BASE_DIR
from ledger.metrics import count_batch, count_parked, count_published
from ledger.outcomes import Outcome, ParkReason, Status
from tests.api.shops import ask
from tests.ledger.builders import consume, requests

DEPLOY = BASE_DIR / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "credits.json").read_text())
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
NAME = re.compile(r"\b(credits_[a-z_]+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"by \(([a-z_, ]+)\)")
FROM_THE_BROKER = {"credits_queue_depth": {"queue"}}  # shown where there are queues


@pytest.fixture
def shown(db: None) -> dict[str, set[str]]:
    """By name, the labels of every figure on /metrics, once something of everything was counted."""
    count_batch([(request, Outcome(Status.POSTED)) for request in requests(consume())], seconds=0.1)
    count_published(confirmed=1, unrouted=1, failed=1)
    count_parked([ParkReason.DEFECT])
    families = text_string_to_metric_families(ask("/metrics").content.decode())
    found = {sample.name: set(sample.labels) for family in families for sample in family.samples}
    return {**FROM_THE_BROKER, **found}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_figure_and_label_is_there(shown: dict[str, set[str]], expression: str) -> None:
    named = NAME.findall(expression)

    assert named
    for name, selected in named:
        assert name in shown, name
        labels = {part.partition("=")[0].strip() for part in selected.split(",") if part}
        labels |= {label.strip() for group in GROUPED.findall(expression) for label in group.split(",")}
        assert labels <= shown[name], (name, labels)


def test_every_alert_says_how_urgent_it_is_and_what_to_do() -> None:
    headings = re.findall(r"^#+ (.+)$", (BASE_DIR / "docs" / "operations.md").read_text(), re.MULTILINE)
    anchors = {f"docs/operations.md#{heading.lower().replace(' ', '-')}" for heading in headings}

    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook"] in anchors, rule["alert"]
        assert re.fullmatch(r"\d+m", rule["for"])
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_every_reason_of_a_rule_is_one_that_there_is() -> None:
    reasons = {reason for expression in EXPRESSIONS for reason in re.findall(r'reason="([a-z_]+)"', expression)}

    assert reasons <= set(ParkReason)


def test_the_dashboards_panels_do_not_overlap() -> None:
    places: list[Any] = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]

    assert len(set(places)) == len(places)
    assert [panel["id"] for panel in DASHBOARD["panels"]] == list(range(1, len(places) + 1))
