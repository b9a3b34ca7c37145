"""The protocol's model: spin visits every state of it within the bounds, and refutes each error planted in it."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "state_log.pml")
MEMORY_MIB = 2048  # of one search; pan gives up beyond it, which fails the test
# Up to so many states pan keeps each as it is, about 115 bytes of it: to pack them (COLLAPSE) takes more than half of the
# time. Beyond, it packs them into half the memory. What is visited is the same.
UNPACKED = 10_000_000
TIMEOUT = 600      # against a hang only

# Of the model, REACHED: what has to happen in a search, lest it be a proof about nothing.
LOG = {"a trim", "a trim left to the successor", "a state from a trimmed log", "a claim trimmed away", "a void record",
       "void records in a gap", "a claim in a gap", "the end"}
REDIS = {"fenced", "behind", "the end"}

# Parts and bounds, as -D for spin. What they leave out of the whole is argued in README.md.
LOG_ONLY = ("PUBLISH=0",)
SWEEP_IN_ONE = ("SLICE=2", "ONE_CHUNK=1")
REDIS_ONLY = ("LOG=0", "CRASHES=0")

# name, parts and bounds, what has to be reached, states that were visited when it was written
SEARCHES = [
    ("log", LOG_ONLY, LOG, 4_397_285),
    ("log_sweep_in_one", LOG_ONLY + SWEEP_IN_ONE, LOG | {"a sweep that does not count"}, 8_513_122),
    ("log_long", LOG_ONLY + ("RECORDS=12", "SWEEPS=1", "ONE_CHUNK=1", "CRASHES=0"), LOG, 15_975_237),
    ("log_given_back", LOG_ONLY + SWEEP_IN_ONE + ("SWEEPS=1", "CRASHES=0", "FALLS=1"),
     LOG | {"records of a former owner, given back", "a batch without its head", "a state that is not whole"}, 4_670_205),
    ("dead_letters", LOG_ONLY + ("INCARNATIONS=2", "SWEEPS=1", "LETTERS=1"), LOG | {"a dead letter"}, 998_327),
    ("redis", REDIS_ONLY + ("WIPES=0",), REDIS, 3_451_025),
    ("redis_wiped", REDIS_ONLY + ("EVENTS=2",), REDIS | {"a repair of Redis"}, 4_448_712),
    ("redis_wiped_two", ("LOG=0", "INCARNATIONS=2"), REDIS | {"a repair of Redis"}, 901_687),
    ("whole", SWEEP_IN_ONE + ("INCARNATIONS=2", "EVENTS=2", "RECORDS=6", "SWEEPS=1", "WIPES=0"), LOG | REDIS, 2_128_958),
]

TWO = LOG_ONLY + ("INCARNATIONS=2",)
# the error, parts and bounds that are enough for it, the property that it breaks
PLANTED = [
    ("NO_TOKEN_CHECK", ("LOG=0", "INCARNATIONS=2", "WIPES=0"), "no_zombie_write"),
    ("FENCE_OFF_BY_ONE", ("LOG=0", "INCARNATIONS=2", "WIPES=0"), "no_step_back"),
    ("SEAL_BEFORE_CHUNKS", TWO, "no_damage"),
    ("TRIM_BEFORE_VERIFICATION", TWO, "whole_after_trim"),
    ("NO_OWNER_CHECK_IN_READER", TWO, "seals_advance"),
    ("CLAIM_NOT_AWAITED", TWO, "seals_advance"),
    ("STALE_SWEEP", TWO, "whole_after_trim"),
    ("CONTIGUITY_NOT_CHECKED", TWO, "whole_after_trim"),
    ("SWEEP_OVER_A_GAP", TWO + SWEEP_IN_ONE, "whole_after_trim"),
    ("FIRST_RECORD_OWNS", TWO + SWEEP_IN_ONE + ("FALLS=1",), "whole_after_trim"),
    ("LETTER_AFTER_SEAL", TWO + ("LETTERS=1",), "letters_first"),
]


class Search:
    """What pan says."""

    def __init__(self, text):
        self.text = text
        self.reached = set(re.findall(r"^reached: (.*)$", text, re.M))
        self.violated = re.findall(r"^pan:\d+: (?:assertion violated )?(.*) \(at depth \d+\)$", text, re.M)
        self.errors = self._number(r"errors: (\d+)")
        self.states = self._number(r"^ *([0-9.e+]+) states, stored")
        self.complete = "Search not completed" not in text and "max search depth too small" not in text

    def _number(self, pattern):
        found = re.search(pattern, self.text, re.M)
        return int(float(found.group(1))) if found else None


class StateLog(suite.Case):
    def search(self, macros, flags, hash_bits):
        for tool in ("spin", "gcc"):
            if shutil.which(tool) is None:
                suite.skip_component(f"{tool} is not installed")
        procs.check(["spin", "-a", *[f"-D{m}" for m in macros], MODEL], cwd=self.directory, timeout=TIMEOUT)
        procs.check(["gcc", *flags, "-w", "-DSAFETY", f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c"],
                    cwd=self.directory, timeout=TIMEOUT)
        out, err = procs.check(["./pan", "-n", "-m10000", f"-w{hash_bits}"], cwd=self.directory, timeout=TIMEOUT)
        return Search((out + err).decode("utf-8", "replace"))

    def holds(self, macros, reached, states):
        flags = ["-O3", "-march=native", *(["-DCOLLAPSE"] if states > UNPACKED else [])]
        found = self.search(macros, flags, 24)
        self.assertEqual(found.violated, [], found.text[-3000:])
        self.assertEqual((found.errors, found.complete), (0, True), found.text[-3000:])
        self.assertEqual(reached - found.reached, set(), "the model never gets there, so nothing is proved of it")
        self.assertGreater(found.states, states // 2, "the model has shrunk: something in it cannot happen any more")
        print(f"{found.states} states", file=sys.stderr)

    def refutes(self, planted, macros, violated):
        found = self.search([*macros, planted], ["-O0"], 20)
        self.assertEqual((found.violated, found.errors), ([violated], 1), found.text[-3000:])


def add_tests():
    for name, macros, reached, states in SEARCHES:
        setattr(StateLog, f"test_holds_{name}", lambda self, m=macros, r=reached, s=states: self.holds(m, r, s))
    for planted, macros, violated in PLANTED:
        setattr(StateLog, f"test_refutes_{planted.lower()}",
                lambda self, p=planted, m=macros, v=violated: self.refutes(p, m, v))


add_tests()

if __name__ == "__main__":
    suite.main()
