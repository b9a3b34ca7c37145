"""What deploy/prometheus asks Prometheus for: expressions of the alerts and of the board, and the metrics in them."""
import json
import os
import re

import suite

RULES = os.path.join(suite.ROOT, "deploy", "prometheus", "rollstat.rules.yaml")
BOARD = os.path.join(suite.ROOT, "deploy", "prometheus", "rollstat.dashboard.json")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def alerts(rules):
    return re.findall(r"^ *- alert: (\w+)$", rules, re.M)


def board_expressions(board):
    """Those of panels and variables, with what Grafana puts in for its own names."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            found.extend(value[key] for key in ("expr", "definition") if key in value)
            value = list(value.values())
        for item in value if isinstance(value, list) else ():
            walk(item)
    walk(json.loads(board))
    return [text.replace("$__rate_interval", "5m").replace("$job", "rollstat").replace("$instance", ".*") for text in found]


def metrics_of(text):
    """Names of metrics; a histogram's own, not those of its samples."""
    names = set(re.findall(r"\b(?:rollstat|process)_[a-z0-9_]+", text))
    return {re.sub(r"_seconds_(?:bucket|sum|count)$", "_seconds", name) for name in names}
