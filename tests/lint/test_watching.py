"""deploy/prometheus: promtool takes the rules and every query of the board; each alert fires in its own fault and is silent in an hour of
normal load; every metric that is asked for is one of rollstatd(8)."""
import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import alerts  # noqa: E402
from test_documentation import man_list  # noqa: E402

MINUTES = 120  # the fault begins after the first hour and lasts until the end
HALF = MINUTES // 2
INSTANCE = 'job="rollstat",instance="a:9464"'
PARTITION = INSTANCE + ',stream="trades",partition="0"'


def steady(value):
    return [value] * MINUTES


def rising(step, until=MINUTES, then=None):
    """A counter that grows by `step` a minute, from minute `until` on by `then`."""
    values, value = [], 0
    for minute in range(MINUTES):
        value += step if minute < until else then
        values.append(value)
    return values


def fault(before, after):
    return [before] * HALF + [after] * (MINUTES - HALF)


# Normal load, with what is normal about it: some lag, few late and rejected events, clocks a little ahead.
NORMAL = {
    f"up{{{INSTANCE}}}": steady(1),
    f"rollstat_ready{{{INSTANCE}}}": steady(1),
    f"rollstat_partition_stopped{{{PARTITION}}}": steady(0),
    f"rollstat_partition_waiting_seconds{{{PARTITION}}}": [0, 4] * HALF,
    f"rollstat_lag_records{{{PARTITION}}}": [0, 30000, 2000] * (MINUTES // 3),
    f'rollstat_events_total{{{PARTITION},outcome="applied"}}': rising(60000),
    f'rollstat_events_total{{{PARTITION},outcome="late"}}': rising(100),
    f'rollstat_events_total{{{PARTITION},outcome="rejected"}}': rising(50),
    f'rollstat_rejected_total{{{INSTANCE},stream="trades",reason="truncated"}}': rising(50),
    f"rollstat_dead_letters_waiting{{{INSTANCE}}}": steady(0),
    f"rollstat_dead_letters_dropped_total{{{INSTANCE}}}": steady(0),
    f"rollstat_stream_time_seconds{{{PARTITION}}}": [60 * minute + 2 for minute in range(MINUTES)],
    f'rollstat_aggregate_folded_total{{{INSTANCE},aggregate="m",worker="0"}}': steady(0),
    f'rollstat_worker_memory_bytes{{{INSTANCE},worker="0"}}': steady(700),
    f'rollstat_worker_memory_limit_bytes{{{INSTANCE},worker="0"}}': steady(1000),
    f"rollstat_redis_connected{{{INSTANCE}}}": steady(1),
    f"rollstat_redis_staleness_seconds{{{INSTANCE}}}": [0, 1] * HALF,
    f"rollstat_state_log_writable{{{INSTANCE}}}": steady(1),
    f"rollstat_state_log_batches_total{{{PARTITION}}}": rising(12),
}


def named(start):
    """The normal series whose text begins so."""
    (name,) = (name for name in NORMAL if name.startswith(start))
    return name


def rejected(reason):
    return f'rollstat_rejected_total{{{INSTANCE},stream="trades",reason="{reason}"}}'


STOPPED_EVENTS = {name: values[:HALF] + [values[HALF]] * (MINUTES - HALF) for name, values in NORMAL.items()
                  if name.startswith("rollstat_events_total")}
# alert: the faults that it tells of, each what is otherwise than normal. None: the series is not there yet, as counts of a
# reason are not before the first.
FAULTS = {
    "RollstatDown": [{named("up"): fault(1, 0)}],
    "RollstatNotReady": [{named("rollstat_ready"): fault(1, 0)}],
    "RollstatPartitionStopped": [{named("rollstat_partition_stopped"): fault(0, 1)}],
    "RollstatPartitionWaits": [{named("rollstat_partition_waiting"): [0] * HALF + [60 * m for m in range(HALF)]}],
    "RollstatLag": [{named("rollstat_lag"): [0] * HALF + [5000 * m for m in range(HALF)]},
                    {named("rollstat_lag"): fault(0, 20000)}],
    "RollstatNothingConsumed": [STOPPED_EVENTS],
    "RollstatLate": [{named(f'rollstat_events_total{{{PARTITION},outcome="late"'): rising(100, HALF, 900)}],
    "RollstatRejected": [{named(f'rollstat_events_total{{{PARTITION},outcome="rejected"'): rising(50, HALF, 900)}],
    "RollstatDeadLettersWait": [{named("rollstat_dead_letters_waiting"): fault(0, 1)}],
    "RollstatDeadLettersDropped": [{named("rollstat_dead_letters_dropped"): fault(0, 3)}],
    "RollstatClockAhead": [{named("rollstat_stream_time"): [60 * m + (2 if m < HALF else 3600) for m in range(MINUTES)]},
                           {rejected("future"): rising(0, HALF, 2)}, {rejected("future"): [None] * (MINUTES - 10) + [7] * 10}],
    "RollstatGroupLimit": [{rejected("group_limit"): rising(0, HALF, 2)},
                           {rejected("group_limit"): [None] * (MINUTES - 10) + [7] * 10}],
    "RollstatGroupsFolded": [{named("rollstat_aggregate_folded"): rising(0, HALF, 3)}],
    "RollstatMemory": [{named("rollstat_worker_memory_bytes"): fault(700, 950)}],
    "RollstatRedisAway": [{named("rollstat_redis_connected"): fault(1, 0)},
                          {named("rollstat_redis_staleness"): [1] * HALF + [60 * m for m in range(HALF)]}],
    "RollstatStateLog": [{named("rollstat_state_log_writable"): fault(1, 0)},
                         {named("rollstat_state_log_batches"): rising(12, HALF, 0)}],
}


class Watching(suite.Case):
    def promtool(self, *words):
        if shutil.which("promtool") is None:
            suite.skip_component("promtool is not installed (package prometheus)")
        status, out, err = procs.run(["promtool", *words])
        return status, (out + err).decode()

    def case(self, fires, changes):
        """Nothing fires in the first hour, and at the end what is expected to, alone."""
        series = [{"series": name, "values": " ".join("_" if v is None else str(v) for v in values)}
                  for name, values in {**NORMAL, **changes}.items()]
        firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
        silent = [{"expr": firing, "eval_time": f"{minute}m", "exp_samples": []} for minute in range(0, HALF, 5)]
        last = {"expr": firing, "eval_time": f"{MINUTES - 1}m",
                "exp_samples": [{"labels": f'{{alertname="{fires}"}}', "value": 1}] if fires else []}
        return {"interval": "1m", "input_series": series, "promql_expr_test": [*silent, last]}

    def judge(self, rules, cases):
        self.write("rules.yaml", rules)
        path = self.write("cases.yaml", json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": cases}))
        return self.promtool("test", "rules", path)

    def all_cases(self):
        return [self.case(None, {}), *[self.case(alert, changes) for alert, faults in FAULTS.items() for changes in faults]]

    def test_rules(self):
        status, text = self.promtool("check", "rules", alerts.RULES)
        self.assertEqual(status, 0, text)

    def test_each_alert_in_its_fault_and_silent_without(self):
        rules = alerts.read(alerts.RULES)
        self.assertEqual(sorted(alerts.alerts(rules)), sorted(FAULTS), "an alert without a fault, or a fault without an alert")
        status, text = self.judge(rules, self.all_cases())
        self.assertEqual(status, 0, text[-4000:])

    def test_operators_are_told_of_each(self):
        table = alerts.read(os.path.join(suite.ROOT, "deploy", "README.md"))
        self.assertEqual(sorted(re.findall(r"`(Rollstat\w+)`", table)), sorted(alerts.alerts(alerts.read(alerts.RULES))))

    def test_alerts_can_fail(self):
        """Each alert in turn with an expression that is never true, then one that always is."""
        rules = alerts.read(alerts.RULES)
        for alert in alerts.alerts(rules):
            with self.subTest(alert):
                dumb, count = re.subn(rf"(- alert: {alert}\n +expr:).*?(\n +(?:for|labels):)", r"\1 vector(0) > 1\2", rules, flags=re.S)
                self.assertEqual(count, 1)
                self.assertNotEqual(self.judge(dumb, [self.case(alert, FAULTS[alert][0])])[0], 0)
        loud = re.sub(r"expr: up\{job=\"rollstat\"\} == 0", "expr: up{} == 1", rules)
        self.assertNotEqual(loud, rules)
        self.assertNotEqual(self.judge(loud, [self.case(None, {})])[0], 0)

    def test_the_board_asks_what_can_be_asked(self):
        expressions = alerts.board_expressions(alerts.read(alerts.BOARD))
        queries = [text for text in expressions if not text.startswith("label_values(")]
        self.assertGreater(len(queries), 30)
        rules = [{"record": f"board:{number}", "expr": text} for number, text in enumerate(queries)]
        for extra, fails in ([], False), ([{"record": "board:bad", "expr": "sum(rollstat_ready"}], True):
            path = self.write("board.yaml", json.dumps({"groups": [{"name": "board", "rules": [*rules, *extra]}]}))
            status, text = self.promtool("check", "rules", path)
            self.assertEqual(status != 0, fails, text)

    def test_all_metrics_exist(self):
        with open(os.path.join(suite.ROOT, "deploy", "man", "rollstatd.8"), encoding="utf-8") as file:
            known = man_list(file.read(), "METRICS")
        for path in (alerts.RULES, alerts.BOARD):
            named_there = alerts.metrics_of(alerts.read(path))
            self.assertGreater(len(named_there), 10)
            self.assertEqual(sorted(named_there - known), [], path)
        self.assertEqual(alerts.metrics_of("rate(rollstat_x_seconds_bucket[5m]) / rollstat_y_total"),
                         {"rollstat_x_seconds", "rollstat_y_total"})


if __name__ == "__main__":
    suite.main()
