"""Broken configurations and command lines: each with its exact message and exit code; configurations with line and
column, all faults at once, and the nearest known name."""
import json
import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

HEAD = """\
group: tests
kafka:
  bootstrap.servers: 127.0.0.1:9
redis:
  url: redis://127.0.0.1:9/0
schemas:
  directory: SCHEMAS
"""
BASE = HEAD + """\
http: off
streams:
  trades:
    topic: t
    schema: trade.avsc
    time: executed_at
    lateness: 30s
aggregates:
  a:
    stream: trades
    by: [exchange, product]
    window: {tumbling: 1m}
    history: 10
    stats:
      n: count()
      vwap: vwap(price, quantity)
"""

# what is wrong, text, what it becomes, ["LINE:COLUMN: message"]
CONFIGURATIONS = [
    ("unknown root key", "group: tests", "grup: tests",
     ['1:1: unknown key "grup" in the configuration; did you mean "group"?']),
    ("unknown kafka property", "bootstrap.servers:", "bootstrap.serverz:",
     ['3:3: kafka: "bootstrap.servers" is missing',
      '3:3: librdkafka knows no property "bootstrap.serverz"; did you mean "bootstrap.servers"?']),
    ("kafka property of ours", "  bootstrap.servers: 127.0.0.1:9\n",
     "  bootstrap.servers: 127.0.0.1:9\n  enable.auto.commit: true\n",
     ['4:3: kafka: "enable.auto.commit" is set by rollstat itself: offsets in Kafka are for lag monitoring only']),
    ("kafka value refused", "  bootstrap.servers: 127.0.0.1:9\n",
     "  bootstrap.servers: 127.0.0.1:9\n  fetch.wait.max.ms: soon\n",
     ['4:22: kafka: Invalid value for configuration property "fetch.wait.max.ms"']),
    ("no kafka", "kafka:\n  bootstrap.servers: 127.0.0.1:9\n", "",
     ['1:1: "kafka" is missing: at least kafka: {bootstrap.servers: HOST:PORT} is needed']),
    ("redis scheme", "redis://127.0.0.1:9/0", "http://127.0.0.1:9/0",
     ["5:8: a Redis URL starts with redis://, rediss://, unix:// or sentinel://, as in redis://localhost:6379/0"]),
    ("redis database", "redis://127.0.0.1:9/0", "redis://127.0.0.1:9/x",
     ["5:8: the database in the Redis URL is not a number: redis://HOST:PORT/0"]),
    ("redis prefix", "redis://127.0.0.1:9/0", "redis://127.0.0.1:9/0\n  prefix: 'a b'",
     ["6:11: a prefix has printable ASCII characters without blanks"]),
    ("redis key", "  url: redis", "  urk: redis",
     ['5:3: unknown key "urk" in `redis`; did you mean "url"?']),
    ("publish_every", "redis://127.0.0.1:9/0", "redis://127.0.0.1:9/0\n  publish_every: 5",
     ['6:18: publish_every: "5" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w']),
    ("syntax", "by: [exchange, product]", "by: [exchange, product",
     ["20:5: this is not valid YAML: wrongly indented flow sequence"]),
    ("tab", "    topic: t\n", "\ttopic: t\n",
     ["11:1: this is not valid YAML: tab character may not be used as indentation"]),
    ("key twice", "    topic: t\n", "    topic: t\n    topic: u\n",
     ['12:5: the key "topic" is here twice; the other is on line 11']),
    ("topic name", "topic: t", "topic: 't t'",
     ["11:12: a topic's name has 1 to 249 letters, digits, '.', '_' and '-'"]),
    ("no topic", "    topic: t\n", "",
     ["11:5: `topic` is missing: the Kafka topic the events are in"]),
    ("schema file", "trade.avsc", "trade.avs",
     ['12:13: cannot open "{schemas}/trade.avs": No such file or directory']),
    ("time field", "executed_at", "executed",
     ["13:11: rollstat.Trade has no field 'executed'; did you mean 'executed_at'?"]),
    ("time type", "executed_at", "price",
     ["13:11: field 'price' cannot be the time of the event: its type has to be a timestamp (millis, micros "
      "or nanos) or a date"]),
    ("lateness unit", "30s", "30",
     ['14:15: lateness: "30" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w']),
    ("lateness negative", "30s", "-5s",
     ['14:15: lateness: "-5s" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w']),
    ("lateness word", "30s", "soon",
     ['14:15: lateness: "soon" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w']),
    ("stream key", "    lateness", "    latenes",
     ['14:5: unknown key "latenes" in a stream; did you mean "lateness"?']),
    ("framing", "    lateness: 30s\n", "    lateness: 30s\n    framing: avro\n",
     ["15:14: `framing` is auto, bare, confluent, confluent-header or single-object"]),
    ("framing header", "    lateness: 30s\n", "    lateness: 30s\n    framing: confluent-header\n",
     ["15:14: framing confluent-header needs `schemas: {registry: URL}`, which says what the GUIDs of the headers stand for"]),
    ("framing header of JSON", "    lateness: 30s\n", "    lateness: 30s\n    framing: confluent-header\n    format: json\n",
     ["15:14: framing confluent-header is Avro's: that of JSON is auto, bare or confluent"]),
    ("framing ids", "    lateness: 30s\n", "    lateness: 30s\n    framing: confluent\n",
     ["15:14: framing confluent needs `schemas: {registry: URL}`, or `schemas: {ids: {ID: FILE}}`, which say what the ids stand for"]),
    ("id field", "    lateness: 30s\n", "    lateness: 30s\n    id: trade_ib\n",
     ["15:9: rollstat.Trade has no field 'trade_ib'; did you mean 'trade_id'?"]),
    ("dedup without id", "    lateness: 30s\n", "    lateness: 30s\n    dedup: 5m\n",
     ["15:12: `dedup` needs `id`, the field that identifies an event"]),
    ("expire short", "    lateness: 30s\n", "    lateness: 30s\n    expire: 10s\n",
     ["20:13: groups of stream trades expire after 10s, before this window and its lateness are over: expire "
      "must be at least 1m30s"]),
    ("upsert version", "    lateness: 30s\n", "    lateness: 30s\n    upsert: {version: revision}\n",
     ["14:15: `lateness` has no place on an upsert stream: its events are never late",
      "15:23: rollstat.Trade has no field 'revision'"]),
    ("upsert type", "    lateness: 30s\n", "    lateness: 30s\n    upsert: {version: price}\n",
     ["14:15: `lateness` has no place on an upsert stream: its events are never late",
      "15:23: field 'price' cannot be the version: its type has to be int or long"]),
    ("rule field", "    lateness: 30s\n", "    lateness: 30s\n    rules: {prize: {gt: 0}}\n",
     ["15:13: rollstat.Trade has no field 'prize'; did you mean 'price'?"]),
    ("rule condition", "    lateness: 30s\n", "    lateness: 30s\n    rules: {price: {greater: 0}}\n",
     ['15:21: unknown key "greater" in a rule; known are: required, eq, ne, lt, le, gt, ge, in, not_in, '
      'pattern, min_length, max_length, finite, on_fail, reason']),
    ("rule value", "    lateness: 30s\n", "    lateness: 30s\n    rules: {price: {gt: zero}}\n",
     ["15:25: price (decimal): not a number"]),
    ("rule digits", "    lateness: 30s\n", "    lateness: 30s\n    rules: {price: {gt: 0.0000000001}}\n",
     ["15:25: price (decimal): more than 8 digits after the point"]),
    ("rule pattern", "    lateness: 30s\n", "    lateness: 30s\n    rules: {currency: {pattern: '['}}\n",
     ["15:33: pattern: Unmatched [, [^, [:, [., or [="]),
    ("rule pattern type", "    lateness: 30s\n", "    lateness: 30s\n    rules: {price: {pattern: x}}\n",
     ["15:21: pattern is for strings, and price is decimal"]),
    ("rule enum", "    lateness: 30s\n", "    lateness: 30s\n    rules: {side: {in: [BUY, SEL]}}\n",
     ['15:30: "SEL" is not a symbol of side; did you mean "SELL"?']),
    ("rule finite", "    lateness: 30s\n", "    lateness: 30s\n    rules: {price: {finite: true}}\n",
     ["15:21: finite is for float and double, and price is decimal"]),
    ("scale of a decimal", "    lateness: 30s\n", "    lateness: 30s\n    scale: {price: 4}\n",
     ["15:13: scale is for float and double fields, and price is decimal"]),
    ("max_record_bytes", "    lateness: 30s\n", "    lateness: 30s\n    max_record_bytes: -1\n",
     ['15:23: max_record_bytes: "-1" is not a size: write it like 512, 64KiB, 1MiB or 2GB']),
    ("dead letters topic", "    lateness: 30s\n", "    lateness: 30s\n    dead_letters: {topic: t}\n",
     ["15:27: dead letters may not go back into the topic they come from"]),
    ("aggregate stream", "stream: trades", "stream: trade",
     ['17:13: no stream "trade"; did you mean "trades"?']),
    ("aggregate key", "    by:", "    bye:",
     ['18:5: unknown key "bye" in an aggregate; did you mean "by"?']),
    ("by field", "exchange, product", "exchang, product",
     ["18:10: rollstat.Trade has no field 'exchang'; did you mean 'exchange'?"]),
    ("by type", "exchange, product", "executed_at",
     ["18:10: executed_at is timestamp; groups are made by string, enum, integer, boolean, date, decimal or "
      "uuid fields"]),
    ("by twice", "exchange, product", "product, product",
     ["18:19: product is named twice in by"]),
    ("by empty field", "exchange, product", "''",
     ["18:10: rollstat.Trade has no field ''"]),
    ("window name", "tumbling", "tumblin",
     ['19:14: no window "tumblin"; did you mean "tumbling"?']),
    ("window zero", "tumbling: 1m", "tumbling: 0s",
     ['19:24: tumbling: must be from 1us to 36525d, not "0s"']),
    ("window without every", "tumbling: 1m", "sliding: 5m",
     ["19:23: sliding needs every, as in {sliding: 5m, every: 1s}"]),
    ("window later", "tumbling: 1m", "calendar: 30s",
     ['19:14: window "calendar" is not available in this version; there are tumbling, sliding with every, since, session, '
      'all, and last']),
    ("session moved", "tumbling: 1m", "session: 30s, every: 1s",
     ["19:35: a session takes no every: it ends when no event came for as long as its gap"]),
    ("window two", "tumbling: 1m", "tumbling: 1m, all: true",
     ["19:13: window is exactly one of tumbling, sliding with every, since, session, all, and last"]),
    ("last of too many", "tumbling: 1m", "last: 500000",
     ['19:20: last: must be a whole number from 1 to 100000, not "500000"']),
    ("no window", "    window: {tumbling: 1m}\n", "",
     ["17:5: an aggregate needs window, as in {tumbling: 1m}"]),
    ("history on all", "tumbling: 1m", "all: true",
     ["20:14: history needs windows that end: tumbling, sliding, since or session"]),
    ("history negative", "history: 10", "history: -1",
     ['20:14: history: must be a whole number from 0 to 1000000, not "-1"']),
    ("stat name", "count()", "cont()",
     ['22:10: no statistic "cont"; did you mean "count"?']),
    ("stat field", "vwap(price,", "vwap(prise,",
     ["23:13: rollstat.Trade has no field 'prise'; did you mean 'price'?"]),
    ("stat type", "      n: count()\n", "      n: sum(exchange)\n",
     ["22:10: exchange is string; statistics are made of int, long, float, double and decimal fields"]),
    ("stat inputs", "vwap(price, quantity)", "vwap(price)",
     ["23:13: vwap takes two fields, as in vwap(price, quantity)"]),
    ("stat syntax", "count()", "count(",
     ["22:10: a statistic is written as name(field), as in sum(quantity) or count(); between braces one with "
      "a comma needs quotes"]),
    ("stat later", "      n: count()\n", "      n: topk(price, 5)\n",
     ['22:10: statistic "topk" is not available in this version; there are count, sum, mean, min, max, '
      'range, first, last, ohlc, vwap, variance, variance_pop, stddev, stddev_pop, skewness, skewness_pop, kurtosis, '
      'kurtosis_pop, covariance, covariance_pop, correlation, slope, intercept, r2, '
      'quantile, median, profile, distinct, ewma, lag, twa, drawdown, pct_drawdown, realized_variance, rate, change, '
      'pct_change and yoy']),
    ("quantile beyond one", "      n: count()\n", "      n: quantile(price, 99)\n",
     ["22:10: q of quantile is a number from 0 to 1, as in quantile(price, 0.99)"]),
    ("quantile of a text", "      n: count()\n", "      n: median(exchange)\n",
     ["22:10: exchange is string; statistics are made of int, long, float, double and decimal fields"]),
    ("profile without a step", "      n: count()\n", "      n: profile(price, 0, quantity)\n",
     ["22:10: profile: its step is more than 0, as in profile(price, 0.01, quantity)"]),
    ("profile too fine", "      n: count()\n", "      n: profile(price, 0.000000000001, quantity)\n",
     ["22:10: profile: its step has no more digits after the point than the price, as in profile(price, 0.01, quantity)"]),
    ("profile of one", "      n: count()\n", "      n: profile(price, 5)\n",
     ["22:10: profile takes a field, a number (step) and a field, as in profile(price, 0.01, quantity)"]),
    ("profile of products", "      n: count()\n", "      n: profile(price, 5, price * price)\n",
     ["22:10: profile: its quantity is an int, a long, a decimal of up to 18 digits, or a float or double with a `scale`, "
      "as in profile(price, 0.01, quantity)"]),
    ("distinct of nothing", "      n: count()\n", "      n: distinct()\n",
     ["22:10: distinct takes one field"]),
    ("stat none", "    stats:\n      n: count()\n      vwap: vwap(price, quantity)\n", "    stats: {}\n",
     ["21:12: stats is a mapping of up to 64 statistics, as in {volume: sum(quantity)}"]),
    ("stat twice", "      n: count()\n", "      p: ohlc(price)\n      p_low: min(price)\n",
     ['22:7: two values of aggregate a would be called "p_low"']),
    ("stat reserved", "      n: count()\n", "      events: count()\n",
     ['22:7: two values of aggregate a would be called "events"']),
    ("change on sliding", "    window: {tumbling: 1m}\n    history: 10\n    stats:\n",
     "    window: {sliding: 5m, every: 1m}\n    stats:\n      c: change(price)\n",
     ["21:10: change and pct_change compare with the window before: they need a tumbling window or a session"]),
    ("rate on all", "    window: {tumbling: 1m}\n    history: 10\n    stats:\n",
     "    window: {all: true}\n    stats:\n      r: rate()\n",
     ["21:10: rate is per second of the window: it needs a tumbling or sliding window or a session"]),
    ("where field", "    window: {tumbling: 1m}\n", "    window: {tumbling: 1m}\n    where: {prise: 1}\n",
     ["20:13: rollstat.Trade has no field 'prise'; did you mean 'price'?"]),
    ("where value", "    window: {tumbling: 1m}\n", "    window: {tumbling: 1m}\n    where: {price: {gt: much}}\n",
     ["20:25: price (decimal): not a number"]),
    ("where enum", "    window: {tumbling: 1m}\n", "    window: {tumbling: 1m}\n    where: {side: HOLD}\n",
     ['20:19: "HOLD" is not a symbol of side']),
    ("where condition", "    window: {tumbling: 1m}\n",
     "    window: {tumbling: 1m}\n    where: {price: {over: 1}}\n",
     ['20:21: unknown key "over" in a condition; known are: eq, ne, lt, le, gt, ge, in, not_in, is_null']),
    ("where time", "    window: {tumbling: 1m}\n",
     "    window: {tumbling: 1m}\n    where: {executed_at: {gt: tomorrow}}\n",
     ["20:31: executed_at is a timestamp: not a time in ISO 8601, such as 2026-01-31 or 2026-01-31T23:59:59.5Z"]),
    ("where not a mapping", "    window: {tumbling: 1m}\n", "    window: {tumbling: 1m}\n    where: [side]\n",
     ["20:12: a mapping from field to condition is expected, as in {side: {in: [BUY]}}"]),
    ("aggregate name", "  a:\n", "  'a b':\n",
     ["16:3: an aggregate's name is part of its keys: letters, digits, '_', '-' and '.', and not meta, fence "
      "or owners"]),
    ("http", "http: off", "http: {listen: nowhere}",
     ['8:16: http: "nowhere" is not an address to listen on, such as 127.0.0.1:9464 or [::1]:9464']),
    ("workers", "http: off", "http: off\nworkers: 0",
     ['9:10: workers: must be a whole number from 1 to 64, not "0"']),
    ("memory", "http: off", "http: off\nlimits: {memory: 1KiB}",
     ['9:18: memory: must be from 16777216 to 9223372036854775807 bytes, not "1KiB"']),
    ("log level", "http: off", "http: off\nlog: {level: loud}",
     ['9:14: log: level "loud" is not one of error, warning, info, debug']),
    ("environment", "redis://127.0.0.1:9/0", "'${NO_SUCH_VARIABLE}'",
     ["5:8: the environment variable NO_SUCH_VARIABLE is not set; put it in front of the command "
      "(NO_SUCH_VARIABLE=... rollstatd ...), for a service into its unit (Environment=)"]),
    ("file", "redis://127.0.0.1:9/0", "redis://127.0.0.1:9/0\n  password: !file /no/such/file",
     ['6:19: !file: cannot open "/no/such/file": No such file or directory']),
    ("same topic", "aggregates:\n",
     "  more:\n    topic: t\n    schema: trade.avsc\n    time: executed_at\naggregates:\n",
     ['16:12: streams: "trades" and "more" read the same topic "t"; one stream can feed any number of aggregates']),
    ("empty file", BASE, "",
     ["1:1: the document is empty"]),
    ("a list", BASE, "- a\n",
     ["1:1: the document must be a mapping (key: value)"]),
]

# What stands in for the stream `trades` below, ["LINE:COLUMN: message"] of the stream itself
FAULTY_STREAMS = [
    ("topic: t, schema: trade.avs, time: executed_at", ['12:30: cannot open "{schemas}/trade.avs": No such file or directory']),
    ("topic: t, time: executed_at, id: none, upsert: {version: none}, lateness: soon", [
        "12:11: `schema` is missing: the file with the Avro schema of the events",
        "12:86: `lateness` has no place on an upsert stream: its events are never late"]),
    ("topic: t, schema: trade.avsc, time: executed", [
        "12:48: rollstat.Trade has no field 'executed'; did you mean 'executed_at'?"]),
    ("topic: t, schema: trade.avsc, time: executed_at, id: trade_ib", [
        "12:65: rollstat.Trade has no field 'trade_ib'; did you mean 'trade_id'?"]),
    ("", ["12:11: the settings of stream 'trades' are missing: topic, schema, time"]),
    (None, ["1:1: `streams` is missing: there is nothing to read"]),
]
FAULTY_AGGREGATES = HEAD + """\
  ids: {3: trade.avsc}
http: off
workers: 0
streams:
  trades: {STREAM}
aggregates:
  keys: {stream: trades, bye: [product], window: {tumbling: 0s}, stats: {n: cuont()}}
  stat: {stream: trades, by: [product, product], window: {tumblin: 1m}, stat: {n: count()}}
  'a b': {stream: trades, by: [exchange], window: {sliding: 5m}, history: -1, stats: {v: vwap(price)}}
  cond: {stream: trades, where: {price: {over: 1, is_null: no}, side: {in: BUY}}, window: {all: true}, stats: {r: rate()}}
  twin: {stream: trades, by: [exchange], window: {tumbling: 1m}, where: {price: {gt: 1, in: [2, 3]}}, stats: {s: sum(price)}}
"""
FAULTS_OF_AGGREGATES = [
    '10:10: workers: must be a whole number from 1 to 64, not "0"',
    '14:26: unknown key "bye" in an aggregate; did you mean "by"?',
    '14:61: tumbling: must be from 1us to 36525d, not "0s"',
    '14:77: no statistic "cuont"; did you mean "count"?',
    "15:40: product is named twice in by",
    '15:59: no window "tumblin"; did you mean "tumbling"?',
    '15:73: unknown key "stat" in an aggregate; did you mean "stats"?',
    "16:3: an aggregate's name is part of its keys: letters, digits, '_', '-' and '.', and not meta, fence or owners",
    "16:61: sliding needs every, as in {sliding: 5m, every: 1s}",
    '16:75: history: must be a whole number from 0 to 1000000, not "-1"',
    "16:90: vwap takes two fields, as in vwap(price, quantity)",
    '17:42: unknown key "over" in a condition; known are: eq, ne, lt, le, gt, ge, in, not_in, is_null',
    "17:60: is_null is true or false",
    "17:76: side: a list of values is expected, as in [A, B]",
    "17:115: rate is per second of the window: it needs a tumbling or sliding window or a session",
]

# arguments with {config}, exit code, message
COMMANDS = {
    "rollstatd": [
        ("", 1, "--config FILE is missing. See `rollstatd --help`."),
        ("--nonsense", 1, "unknown option --nonsense. See `rollstatd --help`."),
        ("--chek -c {config}", 1, "unknown option --chek; did you mean --check? See `rollstatd --help`."),
        ("-c", 1, "option --config needs a value (FILE). See `rollstatd --help`."),
        ("-c /no/such.yaml", 2, 'cannot open "/no/such.yaml": No such file or directory'),
        ("-c {config} file.csv", 1, '"file.csv": files are for --replay. See `rollstatd --help`.'),
        ("-c {config} --check --explain", 1, "--check and --explain exclude each other. See `rollstatd --help`."),
        ("-c {config} --replay --stream trade x.csv", 1, '--stream: the configuration has no stream "trade"'),
        ("-c {config} --replay --stream trades /no.csv", 2, "/no.csv: cannot be opened: No such file or directory"),
        ("-c {config} --replay --partitions 0 x", 1,
         '--partitions: "0" is not a whole number from 1 to 100000. See `rollstatd --help`.'),
        ("-c {config} --partitions 3", 1, "--partitions is for --replay. See `rollstatd --help`."),
        ("-c {config} --groups 3", 1, "--groups is for --explain. See `rollstatd --help`."),
        ("-c {config} --explain --groups x", 1,
         '--groups: "x" is not a whole number from 1 to 1000000000000. See `rollstatd --help`.'),
        ("-c {config} --log-level loud", 1,
         '--log-level: "loud" is not one of error, warning, info, debug. See `rollstatd --help`.'),
    ],
    "rollstat-publish": [
        ("x.csv", 1, "-c FILE is needed. See `rollstat-publish --help`."),
        ("-c {config} x.csv", 1, "--stream NAME is needed. See `rollstat-publish --help`."),
        ("-c {config} --stream trade x.csv", 1, '{config} has no stream "trade"; did you mean "trades"?'),
        ("-c {config} --stream trades /no.csv", 2, "/no.csv: cannot be opened: No such file or directory"),
        ("-c {config} --stream trades --format xml x", 1,
         "--format xml: csv, ndjson, avro or avro-json is needed. See `rollstat-publish --help`."),
        ("-c {config} --stream trades --map price {config}", 1, "--map price: FIELD=COLUMN is needed"),
        ("-c {config} --stream trades --map prize=x {config}", 1,
         '--map prize=x: the schema has no field "prize"; did you mean "price"?'),
        ("-c {config} --stream trades --time-zone Mars/Base {config}", 1, '--time-zone: unknown time zone "Mars/Base"'),
        ("-c {config} --stream trades --time-format %Y {config}", 1,
         '--time-format: the time pattern "%Y" leaves the date open'),
        ("-c {config} --stream trades --rate 0 x", 1, "--rate 0: a number from 1 is needed"),
        ("-c {config} --stream trades --limit -1 x", 1, "--limit -1: a number of rows from 1 is needed"),
        ("-c {config} --stream trades --delimiter ab x", 1, "--delimiter ab: one ASCII character is needed"),
        ("-c {config} --stream trades --key nix {config}", 1, "key: rollstat.Trade has no field 'nix'"),
        ("-c {config} --stream trades --framing odd {config}", 1,
         "--framing odd: bare, confluent:ID or single-object is needed"),
        ("-c {config} --stream trades --timeout 1s {good}", 2, "no broker answered within 1000 ms"),
    ],
    "rollstat-top": [
        ("--nonsense", 1, "unknown option --nonsense. See `rollstat-top --help`."),
        ("--redis http://x", 1, "a Redis URL starts with redis://, rediss://, unix:// or sentinel://"),
        ("--redis redis://127.0.0.1:9/0 --once", 2, "redis://127.0.0.1:9/0: cannot connect: Connection refused"),
        ("a --sort", 1, "option --sort needs a value (COLUMN[:desc]). See `rollstat-top --help`."),
    ],
    "rollstat-schema": [
        ("", 1, "a command is missing. See `rollstat-schema --help`."),
        ("nonsense", 1, "'nonsense' is not a command: canonical, fingerprint, decode, explain, check."),
        ("canonical /no.avsc", 2, 'cannot open "/no.avsc": No such file or directory'),
        ("fingerprint {config}", 1, "{config}:1:5: not valid JSON"),
    ],
}


class Usage(suite.Case):
    def check_config(self, text):
        path = self.write("c.yaml", text.replace("SCHEMAS", suite.yaml(suite.SCHEMAS)))
        status, out, err = procs.run([suite.program("rollstatd"), "-c", path, "--check"])
        return status, out.decode(), err.decode(), path

    def test_configurations(self):
        for name, old, new, messages in CONFIGURATIONS:
            with self.subTest(fault=name):
                self.assertIn(old, BASE)
                status, _, err, path = self.check_config(BASE.replace(old, new, 1))
                self.assertEqual(status, 1, err)
                wanted = [f"{path}:{message}".replace("{schemas}", suite.SCHEMAS) for message in messages]
                count = f"{len(messages)} error" + ("s" if len(messages) > 1 else "")
                self.assertEqual(err.splitlines(), [*wanted, f"rollstatd: {path}: {count}"])

    def faults(self, text):
        status, _, err, path = self.check_config(text)
        self.assertEqual(status, 1, err)
        return [line.removeprefix(f"{path}:") for line in err.splitlines()[:-1]]

    def test_faulty_streams_hide_no_faults_of_aggregates(self):
        """All that can be said without the stream, and nothing that follows from its own fault."""
        for stream, own in FAULTY_STREAMS:
            with self.subTest(stream=stream):
                text = FAULTY_AGGREGATES
                text = text.replace("streams:\n  trades: {STREAM}", "\n") if stream is None else text.replace(
                    "{STREAM}", f"{{{stream}}}" if stream else "7")
                wanted = FAULTS_OF_AGGREGATES + [own_fault.replace("{schemas}", suite.SCHEMAS) for own_fault in own]
                self.assertEqual(self.faults(text), sorted(
                    wanted, key=lambda fault: [int(n) for n in fault.split(":")[:2]]))

    def test_faulty_aggregates_hide_no_faults(self):
        """What is found once all is read: a name that is there twice; and an aggregate without a stream."""
        self.assertEqual(self.faults(BASE.replace("stream: trades", "stream: trade").replace("1m", "0s") + """\
  b:
    stream: trades
    window: {last: 5}
    stats: {events: count()}
  c:
    stream: trades
    window: {all: true}
    stats: {events: count()}
"""), ['17:13: no stream "trade"; did you mean "trades"?',
       '19:24: tumbling: must be from 1us to 36525d, not "0s"',
       '27:12: two values of aggregate b would be called "events"',
       '31:12: two values of aggregate c would be called "events"'])
        # Nothing is known of a stream that is none: neither its fields nor whether it has `last` and `change`.
        unknown = BASE.replace("  trades:\n    topic: t\n    schema: trade.avsc\n    time: executed_at\n    lateness: 30s",
                               "  trades: 7")
        for more in ("    window: {last: 5}\n    stats: {c: change(any), m: max(thing)}\n",
                     "    window: {sliding: 5m, every: 1m}\n    by: [some]\n    stats: {c: pct_change(any)}\n",
                     "    window: {all: true}\n    where: {some: x, or: [{a: true}, {b: {lt: 2026-01-01}}]}\n    stats: {n: count(a)}\n"):
            self.assertEqual(self.faults(unknown[:unknown.index("    by:")] + more),
                             ["10:11: the settings of stream 'trades' are missing: topic, schema, time"])
        # Its schema may be the one that an id is for.
        self.assertEqual(self.faults(BASE.replace("trade.avsc", "trade.avs").replace(
            "  directory: SCHEMAS\n", "  directory: SCHEMAS\n  ids: {3: indicator.avsc}\n")),
            [f'13:13: cannot open "{suite.SCHEMAS}/trade.avs": No such file or directory'])
        # Rules, too, are read without the schema; a field with a wrong scale was meant to be a decimal.
        self.assertEqual(self.faults(BASE.replace("trade.avsc", "trade.avs").replace(
            "    lateness: 30s\n", "    lateness: 30s\n    scale: {price: 99}\n"
            "    rules: {any: {requird: 1, required: no, in: [1, x]}, x: {pattern: '[', finite: true, min_length: -1}}\n")),
            [f'12:13: cannot open "{suite.SCHEMAS}/trade.avs": No such file or directory',
             '15:20: price: must be a whole number from 0 to 18, not "99"',
             '16:19: unknown key "requird" in a rule; did you mean "required"?',
             "16:41: required can only be true; leave it out otherwise",
             "16:71: pattern: Unmatched [, [^, [:, [., or [=",
             "16:102: min_length is a number of characters"])
        self.write("double.avsc", json.dumps({"type": "record", "name": "D", "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}, {"name": "p", "type": "double"}]}))
        self.assertEqual(len(self.faults(f"""\
kafka: {{bootstrap.servers: 127.0.0.1:9}}
schemas: {{directory: {suite.yaml(self.directory)}}}
streams: {{d: {{topic: t, schema: double.avsc, time: at, scale: {{p: many}}}}}}
aggregates: {{a: {{stream: d, by: [p], window: {{all: true}}, stats: {{s: sum(p)}}}}}}
""")), 1)

    def test_schema_ids_that_no_stream_can_read(self):
        """They are told with the reason, rather than that every event of theirs is refused at run time."""
        def record(name, **fields):
            types = {"at": {"type": "long", "logicalType": "timestamp-millis"}, "price": "double", "side":
                     {"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}, **fields}
            return json.dumps({"type": "record", "name": name,
                               "fields": [{"name": f, "type": t} for f, t in types.items() if t]})
        for name, text in {
                "own": record("shop.Sale"), "wide": record("shop.Sale", more="string"),
                "name": record("old.Sale"), "other": record("Visit", at="string"), "type": record("shop.Sale", price="string"),
                "int": record("shop.Sale", price="int"),
                "time": record("shop.Sale", at={"type": "long", "logicalType": "timestamp-micros"}),
                "null": record("shop.Sale", price=["null", "double"]), "gone": record("shop.Sale", price=None),
                "enum": record("shop.Sale", side={"type": "enum", "name": "Side", "symbols": ["SELL", "BUY"]}),
                "text": '"string"', "two": record("two.Visit")}.items():
            self.write(name + ".avsc", text)
        kept = "no promotion of Avro's leads there; keep the type, or add a field under another name"
        refused = "no stream can read the schema with id 8, all its events would be refused: "
        for file, framing, wanted in [
                ("own", "auto", None), ("wide", "confluent", None),
                ("name", "auto", None), ("int", "auto", None), ("enum", "auto", None), ("null", "auto", None),
                ("other", "auto", "for stream visits, its field 'at' is string, not timestamp-millis: " + kept),
                ("text", "auto", "for stream sales, it is string, not record shop.Sale: " + kept +
                                 "; for stream visits, it is string, not record two.Visit: " + kept),
                ("type", "auto", "for stream sales, its field 'price' is string, not double: " + kept),
                ("time", "auto", "for stream sales, its field 'at' is timestamp-micros, not timestamp-millis: the reader's "
                                 "unit is too coarse; give it timestamp-micros"),
                ("gone", "auto", "for stream sales, it has no field 'price': give the reader's field a \"default\", or the "
                                 "writer's name of it as an alias"),
                ("two", "auto", None),
                ("two", "confluent", "stream sales can read none of the schemas in `schemas.ids`, all its events would be "
                                     "refused; of the last of them: it is record two.Visit, not record shop.Sale: if they are "
                                     "the same, give the reader's the alias \"two.Visit\"")]:
            with self.subTest(file=file, framing=framing):
                path = self.write("ids.yaml", f"""\
kafka: {{bootstrap.servers: 127.0.0.1:9}}
schemas: {{directory: ., ids: {{8: {file}.avsc}}}}
streams:
  sales: {{topic: s, schema: own.avsc, time: at, framing: {framing}}}
  visits: {{topic: v, schema: two.avsc, time: at}}
aggregates:
  a: {{stream: sales, by: [side], window: {{all: true}}, stats: {{s: sum(price)}}}}
""")
                status, _, err = procs.run([suite.program("rollstatd"), "-c", path, "--check"])
                lines = err.decode().splitlines()[:-1]
                place = "4:58: " if framing == "confluent" else "2:34: " + refused
                self.assertEqual(status, 1 if wanted else 0, err.decode())
                self.assertEqual(lines, [f"{path}:{place}{wanted}"] if wanted else [])

    def service(self, kafka=True):
        """A configuration as a service has it, with its secrets in a directory of their own."""
        os.makedirs(self.path("credentials"), exist_ok=True)
        self.write("credentials/kafka-password", "secret\n")
        self.write("credentials/redis-password", "secret\n")
        kafka = ("  group.instance.id: ${HOSTNAME}\n" +
                 ("  sasl.password: !file ${CREDENTIALS_DIRECTORY}/kafka-password\n" if kafka else ""))
        text = BASE.replace("SCHEMAS", suite.SCHEMAS).replace("redis:\n", kafka + "redis:\n", 1)
        return self.write("service.yaml", text.replace(
            "schemas:\n", "  password: !file ${CREDENTIALS_DIRECTORY}/redis-password\nschemas:\n", 1))

    def by_hand(self, command, **more):
        """Runs it with an environment that a user has who is no service."""
        environment = {k: v for k, v in os.environ.items() if k not in ("CREDENTIALS_DIRECTORY", "HOSTNAME")}
        program, *arguments = shlex.split(command)
        status, _, err = procs.run([suite.program(program), *arguments], env={**environment, **more})
        return status, err.decode()

    def test_secrets_of_the_service(self):
        """What a program needs and has not is told with the call that works; what it does not need is no fault."""
        config = self.service()
        good = self.write("good.csv", "trade_id,exchange,product,price,quantity,currency,executed_at\n"
                          "a,X,P,1,1,CNY,2026-01-01T00:00:00Z\n")
        unset = ("the environment variable CREDENTIALS_DIRECTORY is not set: systemd sets it for a service that has "
                 "LoadCredential=; by hand name the directory of these files in front of the command: "
                 f"CREDENTIALS_DIRECTORY={shlex.quote(self.directory)}/credentials {{}} ...")
        kafka, redis = f"{config}:5:24: {unset}", f"{config}:8:19: {unset}"
        for command, needs in [(f"rollstatd -c {shlex.quote(config)} --check", [kafka, redis]),
                               (f"rollstatd -c {shlex.quote(config)}", [kafka, redis]),
                               (f"rollstatd -c {shlex.quote(config)} --explain", []),
                               (f"rollstatd -c {shlex.quote(config)} --replay --stream trades {shlex.quote(good)}", []),
                               (f"rollstat-publish -c {shlex.quote(config)} --dry-run --stream trades {shlex.quote(good)}", []),
                               (f"rollstat-publish -c {shlex.quote(config)} --stream trades --timeout 1s {shlex.quote(good)}", [kafka]),
                               (f"rollstat-state -c {shlex.quote(config)}", [kafka]),
                               (f"rollstat-dlq -c {shlex.quote(config)} list", [kafka]),
                               (f"rollstat-tap -c {shlex.quote(config)} trades", [kafka]),
                               (f"rollstat-top -c {shlex.quote(config)} --once", [redis])]:
            with self.subTest(command=command):
                status, err = self.by_hand(command)
                self.assertEqual(status, 1 if needs else 0, err)
                for line in needs:
                    self.assertIn(line.format(command.split()[0]), err)
                self.assertEqual(err.count("CREDENTIALS_DIRECTORY is not set"), len(needs), err)
        # The call that was named.
        status, err = self.by_hand(f"rollstatd -c {shlex.quote(config)} --check", CREDENTIALS_DIRECTORY=f"{self.directory}/credentials")
        self.assertEqual((status, err), (0, ""))

    def test_tools_get_as_far_as_what_they_need(self):
        """No broker and no Redis listen: who gets to asking them has passed by the other's secret."""
        config = self.service(kafka=False)
        good = self.write("good.csv", "trade_id,exchange,product,price,quantity,currency,executed_at\n"
                          "a,X,P,1,1,CNY,2026-01-01T00:00:00Z\n")
        for command in (f"rollstat-publish -c {shlex.quote(config)} --stream trades --timeout 1s {shlex.quote(good)}",
                        f"rollstat-state -c {shlex.quote(config)} --timeout 1",
                        f"rollstat-dlq -c {shlex.quote(config)} --timeout 1 list",
                        f"rollstat-tap -c {shlex.quote(config)} --timeout 1 trades"):
            with self.subTest(command=command):
                status, err = self.by_hand(command)
                self.assertEqual(status, 2, err)
                self.assertNotIn("CREDENTIALS_DIRECTORY", err)

    def test_files_that_only_others_may_read(self):
        config = self.service()
        secret = self.path("credentials/kafka-password")
        os.chmod(secret, 0)
        os.chmod(self.directory, 0o755)
        nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            done = subprocess.run([suite.program("rollstatd"), "-c", config, "--check"], capture_output=True, text=True,
                                  timeout=60, check=False, **nobody,
                                  env={**os.environ, "CREDENTIALS_DIRECTORY": self.path("credentials")})
        except PermissionError:
            self.skipTest("the program lies where nobody else gets to")
        if "rollstatd" not in done.stderr or f'cannot open "{config}"' in done.stderr:
            self.skipTest("the files of the test lie where nobody else gets to")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'{config}:5:24: !file: cannot open "{secret}": Permission denied; run the command as a user who may '
                      "read it (sudo), or give it to the service by LoadCredential=\n", done.stderr)

    def test_all_faults_at_once(self):
        text = BASE
        for old, new in (("topic: t", "topic: 't t'"), ("30s", "30x"), ("tumbling", "tumblin"),
                         ("vwap(price,", "vwap(prise,"), ("127.0.0.1:9/0", "127.0.0.1:9/x")):
            text = text.replace(old, new, 1)
        status, _, err, path = self.check_config(text)
        self.assertEqual(status, 1)
        places = [line[len(path) + 1:].split(": ")[0] for line in err.splitlines()[:-1]]
        self.assertEqual(places, ["5:8", "11:12", "14:15", "19:14", "23:13"])

    def test_right_ones(self):
        status, out, err, path = self.check_config(BASE)
        self.assertEqual((status, out, err), (0, f"{path}: ok: 1 stream, 1 aggregate\n", ""))
        status, _, err, path = self.check_config(BASE.replace("lateness: 30s", "lateness: 30s\n    max_future: 1h"))
        self.assertEqual(status, 0)
        self.assertIn(f"{path}:15:17: warning: ", err)

    def test_command_lines(self):
        config = self.write("c.yaml", BASE.replace("SCHEMAS", suite.yaml(suite.SCHEMAS)))
        good = self.write("good.csv", "trade_id,exchange,product,price,quantity,currency,executed_at\n"
                          "a,X,P,1,1,CNY,2026-01-01T00:00:00Z\n")
        for program, cases in COMMANDS.items():
            for arguments, expect, message in cases:
                with self.subTest(program=program, arguments=arguments):
                    argv = [word.format(config=config, good=good) for word in arguments.split()]
                    status, out, err = procs.run([suite.program(program), *argv])
                    self.assertEqual(status, expect, err.decode())
                    self.assertEqual(out, b"")
                    wanted = f"{program}: {message.format(config=config)}"
                    self.assertEqual(err.decode()[:len(wanted)], wanted)

    def test_help_and_version(self):
        for program in COMMANDS:
            for option, begin in (("--help", f"Usage: {program}"), ("-h", f"Usage: {program}"),
                                  ("--version", "rollstat 0.1.0\n")):
                with self.subTest(program=program, option=option):
                    out, err = procs.check([suite.program(program), option])
                    self.assertTrue(out.decode().startswith(begin), out[:80])
                    self.assertEqual(err, b"")

    def test_explain(self):
        config = self.write("c.yaml", BASE.replace("SCHEMAS", suite.yaml(suite.SCHEMAS)))
        out, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain", "--groups", "5000"])
        text = out.decode()
        for part in ("trades", "executed_at", "vwap(price, quantity)", "rs:a:", "5000"):
            self.assertIn(part, text)


if __name__ == "__main__":
    suite.main()
