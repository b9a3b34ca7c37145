"""What makes a configuration of random_config wrong: one thing that is surely forbidden, or parts of it in any place."""


def _window(made, rng, tree):
    made.aggregates[rng.choice(sorted(made.aggregates))]["window"] = tree


def _aggregate(made, rng, **more):
    made.aggregates[rng.choice(sorted(made.aggregates))].update(more)


def _stat(made, rng, value):
    made.aggregates[rng.choice(sorted(made.aggregates))]["stats"]["own"] = value


def _number(made):
    return next((f.name for f in made.fields if f.numeric), None)


def _other(made):
    """No number, and no list of them."""
    return next((f.name for f in made.fields if not f.numeric and f.kind != "few"), "id")


def windows(rng, made):
    wrong = [{"tumbling": "0s"}, {"tumbling": "1m", "every": "1s"}, {"sliding": "1m"}, {"sliding": "1m", "every": "2m"}, {"last": 0}, {"last": -3},
             {"tumbling": "1m", "offset": "1m"}, {"sliding": "1m", "every": "10s", "offset": "10s"}, {"all": False}, {"session": "1us"}, {},
             {"session": "30s", "offset": "1s"}, {"tumbling": "2mo"}, {"since": "decade"}, {"since": "day", "zone": "Mars/Olympus"}, [],
             {"tumbling": "1m", "zone": "UTC"}, {"sliding": "1m", "every": "1s", "zone": "UTC"}, {"tumbling": "1m", "all": True},
             {"since": "day", "every": "1s"}, {"tumblin": "1m"}, {"tumbling": "soon"}, {"sliding": "100000d", "every": "1us"}, "1m", {"last": 2.5}]
    tree = rng.choice(wrong + ([] if made.exchange else [{"tumbling": "session"}, {"since": "session"}]))
    _window(made, rng, tree)
    return f"window {tree}"


def statistics(rng, made):
    wrong = ["sum()", "sum(nothing)", "summ(f0)", "count(", "vwap(f0)", f"sum({_other(made)})", f"ewma({_other(made)}, 5m)", "nothing + 1", "own * 2",
             "count() + 1", {"where": {"id": "a"}}, {"stat": "count()", "where": {"nothing": 1}}, {"stat": "count()", "wher": {"id": "a"}},
             "mean($event_time)", "", 5, [], {}, "own", "1 + 1", "distinct()", "profile(version)", "topk(version, 5"]
    number = _number(made)
    if number:
        wrong += [f"quantile({number}, 2)", f"quantile({number}, x)", f"lag({number}, 0)", f"lag({number}, 1001)", f"ewma({number})",
                  f"ewma({number}, 0s)", f"sum({number} / {number})", f"sum(({number})", f"slope({number})", f"median({number}, 0.5)",
                  f"sum({number} * {_other(made)})"]
    value = rng.choice(wrong)
    _stat(made, rng, value)
    return f"statistic {value}"


def keys(rng, made):
    wrong = [{"by": ["nothing"]}, {"by": "nothing"}, {"histori": 5}, {"history": -1}, {"history": "many"}, {"stream": "other"}, {"stats": {}},
             {"where": {"nothing": 1}}, {"where": {_other(made): {"like": "a"}}}, {"where": 5}, {"fill": "linear"}, {"publish": "never"},
             {"publish": []}, {"delay": "400d"}, {"late": "keep"}, {"overflow": "other", "by": []}, {"max_groups": 0}, {"max_groups": "few"},
             {"window": {"all": True}, "history": 5}, {"window": {"last": 5}, "history": 5, "publish": "closed"}, {"stats": 5},
             {"window": {"all": True}, "stats": {"r": "rate()"}}, {"calendar": "nowhere.yaml"},
             {"window": {"sliding": "1m", "every": "1s"}, "history": 5, "fill": "zero"}, {"window": {"session": "1m"}, "history": 5, "fill": "null"},
             {"by": [_other(made), _other(made)]}]
    more = rng.choice(wrong)
    _aggregate(made, rng, **more)
    return f"aggregate {more}"


def stream(rng, made):
    wrong = [{"time": "nothing"}, {"time": "id"}, {"lateness": "soon"}, {"lateness": "-1s"}, {"latenes": "1s"}, {"schema": "nowhere.avsc"},
             {"rules": {"nothing": {"gt": 0}}}, {"rules": {"id": {"larger": 0}}}, {"rules": 5}, {"scale": {"id": 2}}, {"scale": {"nothing": 2}},
             {"id": "nothing"}, {"upsert": {}}, {"upsert": {"version": "nothing"}}, {"upsert": {"version": "id"}}, {"upsert": True},
             {"start": "yesterday"}, {"framing": "none"}, {"format": "xml"}, {"dead_letters": {"topic": "t"}}, {"lenient": ["all"]}, {"expire": "0"},
             {"max_groups": -1}, {"dedup": "1s", "id": []}, {"topic": ""}, {"topics": [], "topic": []}, {"calendar": "nowhere.yaml"},
             {"max_depth": 1000}, {"max_items": 0}]
    more = rng.choice(wrong)
    made.stream.update(more)
    return f"stream {more}"


def spoil(rng, made):
    """What was done."""
    return rng.choice([windows, statistics, keys, stream])(rng, made)


# ---- anything ----

def _places(tree, path=()):
    """[(container, key)] of all that is in a tree."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from _places(tree[key], path + (key,))


def shake(rng, made):
    """Values from one place put into another, taken out, or doubled."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        whole = {"stream": made.stream, "aggregates": made.aggregates}
        places = [place for place in _places(whole) if place[0] is not whole]
        (target, key), (source, other) = rng.choice(places), rng.choice(places)
        kind = rng.choice([0, 0, 1, 2, 3, 4, 4, 4])
        if kind == 0 and isinstance(target, dict):
            del target[key]
        elif kind == 1 and isinstance(target, dict) and isinstance(source, dict):
            target[other] = _copy(source[other])
        elif kind == 2:
            target[key] = rng.choice([0, -1, 1, "1s", "", True, [], {}, "count()", 10 ** 30, "2.5", "at", "null"])
        elif kind == 3:
            target[key] = _copy(source[other])
        elif isinstance(target[key], int):
            target[key] = rng.choice([False, True]) if isinstance(target[key], bool) else rng.randrange(1, 200)
        elif str(target[key])[:-1].isdigit():
            target[key] = f"{rng.randrange(1, 500)}{rng.choice('smhd')}"


def _copy(tree):
    if isinstance(tree, dict):
        return {key: _copy(value) for key, value in tree.items()}
    return [_copy(value) for value in tree] if isinstance(tree, list) else tree


def mistype(rng, text):
    """Characters in the part of the configuration that is about streams."""
    begin = text.index("streams:")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(begin, len(text))
        text = rng.choice([text[:at] + text[at + 1:], text[:at] + rng.choice("{}[]:,'\"#&*!|>%@ \n\t-0ü\x01") + text[at:],
                           text[:at] + text[at:at + 20] + text[at:], text[:at] + text[at + 10:]])
    return text
