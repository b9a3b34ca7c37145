"""Conditions on events, with True, False and None for unknown, as SQL has them: (YAML, predicate)."""


def unknown_and(results):
    results = list(results)
    return False if False in results else None if None in results else True


def unknown_or(results):
    results = list(results)
    return True if True in results else None if None in results else False


def compose(rng, leaf, depth=0):
    """A random one of leaves: leaf(rng) makes one."""
    kind = rng.randrange(4) if depth < 2 else 0
    if kind in (1, 2):
        parts = [compose(rng, leaf, depth + 1) for _ in range(rng.randrange(1, 4))]
        name, together = ("and", unknown_and) if kind == 1 else ("or", unknown_or)
        return {name: [p[0] for p in parts]}, lambda e: together(p[1](e) for p in parts)
    if kind == 3:
        tree, test = compose(rng, leaf, depth + 1)

        def opposite(event):
            value = test(event)
            return None if value is None else not value
        return {"not": tree}, opposite
    return leaf(rng)
