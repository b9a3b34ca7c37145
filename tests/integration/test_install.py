"""`cmake --install` puts every file in its place, and what is installed works from there."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

PLACES = """
usr/sbin/rollstatd
usr/bin/rollstat-publish
usr/bin/rollstat-schema
usr/bin/rollstat-state
usr/bin/rollstat-top
usr/include/rollstat.h
usr/lib/librollstat.a
usr/lib/librollstat.so
usr/lib/pkgconfig/rollstat.pc
usr/lib/systemd/system/rollstatd.service
etc/rollstat/rollstat.yaml.example
usr/share/rollstat/schemas/trade.avsc
usr/share/rollstat/schemas/indicator.avsc
usr/share/man/man1/rollstat-publish.1
usr/share/man/man1/rollstat-schema.1
usr/share/man/man1/rollstat-state.1
usr/share/man/man1/rollstat-top.1
usr/share/man/man5/rollstat.yaml.5
usr/share/man/man8/rollstatd.8
usr/share/doc/rollstat/CHANGELOG.md
usr/share/doc/rollstat/LICENSE
usr/share/doc/rollstat/README.md
""".split()


class Install(suite.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # As a package is built: prefix /usr, files below another root. Only what depends on the prefix is built anew.
        cls.build = os.path.join(os.environ.get("RS_TMP") or tempfile.gettempdir(), f"install-{os.getpid()}")
        cls.root = os.path.join(cls.build, "root")
        procs.check(["cmake", "-S", suite.ROOT, "-B", cls.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     "-DCMAKE_INSTALL_PREFIX=/usr", "-DCMAKE_INSTALL_LIBDIR=lib", "-DRS_TESTS=OFF"])
        procs.check(["cmake", "--build", cls.build, "-j", "2"], timeout=900)
        procs.check(["cmake", "--install", cls.build], env={**os.environ, "DESTDIR": cls.root})

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.build, ignore_errors=True)

    def installed(self, path):
        return os.path.join(self.root, path)

    def test_every_file_is_in_its_place(self):
        found = set()
        for directory, _, names in os.walk(self.root):
            found |= {os.path.relpath(os.path.join(directory, name), self.root) for name in names}
        self.assertEqual(set(PLACES) - found, set(), "missing")
        versions = {f for f in found if f.startswith("usr/lib/librollstat.so.")}
        self.assertEqual(found - set(PLACES) - versions, set(), "not expected")
        self.assertTrue(versions)

    def test_programs_run_from_there(self):
        for path in PLACES:
            if path.startswith(("usr/bin/", "usr/sbin/")):
                environment = {**os.environ, "LD_LIBRARY_PATH": self.installed("usr/lib")}
                out, _ = procs.check([self.installed(path), "--version"], env=environment)
                self.assertEqual(out, b"rollstat 0.1.0\n", path)

    def test_the_example_configuration_is_right(self):
        with open(self.installed("etc/rollstat/rollstat.yaml.example"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("directory: /usr/share/rollstat/schemas ", text)
        path = self.write("example.yaml", text.replace("/usr/share/rollstat", self.installed("usr/share/rollstat")))
        out, err = procs.check([self.installed("usr/sbin/rollstatd"), "-c", path, "--check"])
        self.assertEqual((out.decode(), err.decode()), (f"{path}: ok: 2 streams, 4 aggregates\n", ""))

    def test_what_the_example_comments_out_is_right_too(self):
        """Each commented setting of the example, put in."""
        with open(self.installed("etc/rollstat/rollstat.yaml.example"), encoding="utf-8") as file:
            lines = file.read().replace("/usr/share/rollstat", self.installed("usr/share/rollstat")).splitlines()
        head = next(i for i, line in enumerate(lines) if line.startswith("group:"))
        settings = [line[1:] if line.startswith("#") and not line.startswith("# ") or line.startswith("#  ") else line
                    for line in lines[head:]]
        self.assertGreater(sum(a != b for a, b in zip(settings, lines[head:])), 20)
        self.write("redis-password", "secret\n")
        self.write("kafka-password", "secret\n")
        path = self.write("all.yaml", "\n".join(settings) + "\n")
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": self.directory, "HOSTNAME": "a"}
        out, err = procs.check([self.installed("usr/sbin/rollstatd"), "-c", path, "--check"], env=environment)
        self.assertEqual((out.decode(), err.decode()), (f"{path}: ok: 2 streams, 4 aggregates\n", ""))

    def test_the_unit_is_right_and_confined(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("no systemd-analyze")
        with open(self.installed("usr/lib/systemd/system/rollstatd.service"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("ExecStart=/usr/sbin/rollstatd -c /etc/rollstat/rollstat.yaml\n", text)
        unit = self.write("rollstatd.service", text.replace("/usr/sbin/", self.installed("usr/sbin/")))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60,
                              check=False)
        complaints = [line for line in done.stderr.splitlines() if "rollstatd.service" in line]
        self.assertEqual(complaints, [])
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-400:] + done.stderr)

    def test_manual_pages_are_sound(self):
        if shutil.which("mandoc") is None:
            self.skipTest("no mandoc")
        for path in PLACES:
            if "/man/" in path:
                out, _ = procs.check(["mandoc", "-T", "lint", "-W", "warning", self.installed(path)])
                self.assertEqual(out, b"", path)


if __name__ == "__main__":
    suite.main()
