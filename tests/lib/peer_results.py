"""What tests/bench/peers makes of its measurements: which groups are wrong, CPU per event, latencies, the table."""
import bisect
import re

FIELDS = ("window_start", "count", "volume", "low", "high", "vwap")
FRACTION_BITS = 52  # of the sums that peer_trades writes
NEAR = 1e-9         # a sum of doubles may lose digits; a lost or repeated event shows far above this


def read_expected(path):
    """{(exchange, product): what the newest window has to be}, from peer_trades. The quotient of two integers is rounded once."""
    expected = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            exchange, product, start, count, volume, low, high, total = line.split("\t")
            expected[exchange, product] = (int(start), int(count), int(volume), int(low) / 100, int(high) / 100,
                                           int(total, 16) / (int(volume) << FRACTION_BITS))
    return expected


def judge(expected, texts):
    """"right", "last digit" (only vwap, and by no more than doubles lose), or "wrong": what Redis has, in the order of FIELDS."""
    try:
        got = [float(text) for text in texts]
    except (TypeError, ValueError):
        return "wrong"
    if any(a != b for a, b in zip(got[:-1], expected[:-1])):
        return "wrong"
    if got[-1] == expected[-1]:
        return "right"
    return "last digit" if abs(got[-1] - expected[-1]) <= NEAR * abs(expected[-1]) else "wrong"


def judge_all(expected, found):
    """{verdict: [groups]}; `found` are the texts of each group in the order of `expected`."""
    verdicts = {"right": [], "last digit": [], "wrong": []}
    for (group, values), texts in zip(expected.items(), found, strict=True):
        verdicts[judge(values, texts)].append(group)
    return verdicts


def per_event_us(small, large):
    """CPU per event without what it costs to start: between the least of each size's rounds. (events, [CPU seconds]) each."""
    return 1e6 * (min(large[1]) - min(small[1])) / (large[0] - small[0])


MONITORED = re.compile(r'^(\d+)\.(\d+) \[[^]]*\] "hset" "[^"]*:X(\d\d):P(\d{3,4})"(.*)$', re.IGNORECASE)
HIGHEST = re.compile(r'"high" "([^"]+)"')


def latencies_ms(sent_us, monitor, groups, after):
    """From handing a trade over to the command that shows it, of trades `after` and on; sorted. Trade n is of group n % groups,
    its price n + 1: a group's highest price tells which of its trades are in. `monitor`: lines of Redis's MONITOR."""
    waiting = list(range(groups))  # the oldest trade of each group that is not shown yet
    found = []
    for line in monitor:
        match = MONITORED.match(line)
        high = match and HIGHEST.search(match[5])
        if not high:
            continue
        at_us = int(match[1]) * 1000000 + int(match[2])
        group = int(match[3]) * 1000 + int(match[4])
        newest = int(float(high[1])) - 1
        while group < groups and waiting[group] <= min(newest, len(sent_us) - 1):
            if waiting[group] >= after:
                bisect.insort(found, (at_us - sent_us[waiting[group]]) / 1000)
            waiting[group] += groups
    return found


def percentile(values, percent):
    return values[min(len(values) - 1, len(values) * percent // 100)]


def table(heads, rows):
    """Lines; the first column to the left, the others to the right."""
    cells = [heads, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    return ["  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
            for row in cells]
