"""TLS to Redis: who is believed, what is said of each thing that is wrong, certificates that are exchanged. Where hiredis has no TLS
(Debian 12), that rediss:// is refused with the reason."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
import registry  # noqa: E402
from daemon import Daemon  # noqa: E402
from flow import Flow  # noqa: E402

T0 = 1700000040000000
GENEROUS = 90
MISSING = "rediss:// needs a hiredis with TLS"


def release():
    """Of Debian, as a number; 0: another system."""
    with open("/etc/os-release", encoding="utf-8") as file:
        facts = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    return int(facts.get("VERSION_ID", "0").strip('"') or 0) if facts.get("ID", "").strip('"') == "debian" else 0


class Tls(Flow):
    group = "wrong"  # of those that never see Redis: the right one need not wait until they have left

    def tree(self, url, **redis):
        kafka = self.kafka.bootstrap if hasattr(self, "kafka") else "127.0.0.1:9"
        return suite.configuration(
            {"trades": load.stream("t", "30s")},
            {"m": {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()"}}}, kafka, url,
            group=self.group, redis={"publish_every": "20ms", **redis}, **Daemon.settings())

    def check(self, url, expect=0, **redis):
        _, said = procs.check([suite.program("rollstatd"), "-c", self.write("check.yaml", self.tree(url, **redis)), "--check"],
                              expect=expect)
        return said.decode()

    def need_tls(self):
        status, _, err = procs.run([suite.program("rollstatd"), "-c", self.write("check.yaml", self.tree("rediss://localhost")), "--check"])
        if status != 0:
            self.assertIn(MISSING, err.decode())
            self.assertLess(release(), 13, "Debian 13 has a hiredis with TLS")
            self.skipTest("this hiredis has no TLS (Debian 12)")

    def start(self, certificate, key, ca, clients="no"):
        """A Redis that speaks TLS on one port, and plainly on another, on which the test looks."""
        self.tls_port = procs.free_port()
        self.redis = suite.redis.Server(self.path("redis"), "--tls-port", self.tls_port, "--tls-cert-file", certificate,
                                        "--tls-key-file", key, "--tls-ca-cert-file", ca, "--tls-auth-clients", clients)
        self.addCleanup(self.redis.stop)
        self.client = self.redis.client()

    def daemon_of(self, url=None, name="d", **redis):
        config = self.write(f"{name}.yaml", self.tree(url or f"rediss://localhost:{self.tls_port}/0", **redis))
        return self.start_daemon(config, f"{name}.log"), config

    def says(self, daemon, words):
        procs.until(lambda: words in daemon.status()["redis"].get("last_error", ""), GENEROUS,
                    f"Redis' last error holds {words!r}", daemon.process)
        self.assertEqual(daemon.get("/livez")[0], 200)
        self.assertEqual(self.client.hash("rs:m:P"), {})
        daemon.stop()

    def test_settings_that_are_wrong(self):
        self.assertIn("`ca` belongs to TLS", self.check("redis://localhost", expect=1, ca="ca.pem"))
        self.assertIn("`server_name` belongs to TLS", self.check("redis://localhost", expect=1, server_name="a"))
        self.assertIn("`certificate` and `key` belong together", self.check("redis://localhost", expect=1, certificate="c.pem"))

    def test_refused_where_there_is_none(self):
        if release() >= 13:
            self.assertNotIn(MISSING, self.check("rediss://localhost"))
            return
        status, _, err = procs.run([suite.program("rollstatd"), "-c", self.write("check.yaml", self.tree("rediss://u:geheim@localhost")),
                                    "--check"])
        if status != 0:
            self.assertIn(MISSING, err.decode())
            self.assertIn("stunnel4", err.decode())
            self.assertNotIn("geheim", err.decode())

    def test_all_of_it(self):
        self.need_tls()
        made = registry.certificates(self.directory)
        ca = made["ca"][0]
        self.kafka = suite.mock_kafka(self.path("mock"), "t:1", "t.dlq:1", "tests.state.trades:1")
        self.addCleanup(self.kafka.stop)
        value = avro.trade(product="P", exchange="XA", executed_at=T0, price=10 ** 8, quantity=10 ** 6)
        self.kafka.produce("t", [(0, T0 // 1000, None, value)])
        self.start(*made["localhost"], ca, clients="yes")
        mine = {"ca": ca, "certificate": made["client"][0], "key": made["client"][1]}
        wrong = [
            ("does not trust", {**mine, "ca": made["stranger"][0]}, "the server's certificate is refused: "),
            ("trusts the system alone", {k: v for k, v in mine.items() if k != "ca"}, "the server's certificate is refused: "),
            ("another name", {**mine, "server_name": "elsewhere.test"}, "certificate is not for elsewhere.test"),
            ("an address that it does not name", {**mine, "url": f"rediss://127.0.0.1:{self.tls_port}"}, "certificate is not for 127.0.0.1"),
            ("shows no certificate", {"ca": ca}, "does it want a certificate of the client"),
            ("shows a foreign one", {**mine, "certificate": made["stranger"][0], "key": made["stranger"][1]}, "does it trust who signed"),
            ("a key of another", {**mine, "key": made["localhost"][1]}, "`redis.key` cannot be used: "),
            ("no such file", {**mine, "ca": "nowhere.pem"}, "`redis.ca` cannot be used: "),
            ("a port that speaks no TLS", {**mine, "url": f"rediss://localhost:{self.redis.port}"}, "TLS failed"),
            ("TLS where none is spoken", {"url": f"redis://127.0.0.1:{self.tls_port}"}, ""),
        ]
        for number, (what, settings, words) in enumerate(wrong):
            with self.subTest(what):
                settings = dict(settings)
                daemon, _ = self.daemon_of(settings.pop("url", None), f"wrong{number}", **settings)
                if words:
                    self.says(daemon, words)
                else:
                    procs.until(lambda: "last_error" in daemon.status()["redis"], GENEROUS, what, daemon.process)
                    daemon.stop()
        self.group = "tests"
        daemon, config = self.daemon_of(name="right", **mine)
        procs.until(lambda: self.client.hash("rs:m:P").get("n") == "1", GENEROUS, "the view is there", daemon.process)
        self.assertTrue(daemon.status()["redis"]["address"].startswith("rediss://localhost:"))
        out, _ = procs.check([suite.program("rollstat-top"), "-c", config, "--once", "m"])
        self.assertIn("P", out.decode())
        self.renewed(daemon, made, ca)

    def renewed(self, daemon, made, ca):
        """Redis comes back with a certificate of another name, which is refused, and then with the right one; what was counted
        meanwhile, and is more than a record of TLS holds, is written then."""
        self.redis.stop()
        port, plain = self.tls_port, self.redis.port
        records = [avro.trade(product=f"Q{i}", exchange="XA", executed_at=T0 + i, price=10 ** 8, quantity=10 ** 6) for i in range(3000)]
        self.kafka.produce("t", [(0, T0 // 1000, None, r) for r in records])
        for name in ("elsewhere.test", "localhost"):
            self.redis.options = ("--tls-port", port, "--tls-cert-file", made[name][0], "--tls-key-file", made[name][1],
                                  "--tls-ca-cert-file", ca)
            self.redis.start()
            self.assertEqual(plain, self.redis.port)
            self.client = self.redis.client()
            if name == "localhost":
                break
            procs.until(lambda: "certificate is not for localhost" in daemon.status()["redis"].get("last_error", ""), GENEROUS,
                        "the name is told", daemon.process)
            self.assertEqual(self.client.keys("rs:m:*"), [])
            self.redis.stop()
        procs.until(lambda: self.client.call("ZCARD", "rs:m:index") == 3001, GENEROUS, "all views are there", daemon.process)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    suite.main()
