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
usr/bin/rollstat-dlq
usr/bin/rollstat-publish
usr/bin/rollstat-schema
usr/bin/rollstat-state
usr/bin/rollstat-tap
usr/bin/rollstat-top
usr/bin/rollstatd
usr/include/rollstat.h
usr/lib/librollstat.a
usr/lib/librollstat.so
usr/lib/pkgconfig/rollstat.pc
usr/lib/systemd/system/rollstatd.service
usr/lib/systemd/system/rollstatd@.service
etc/rollstat/rollstat.yaml.example
usr/share/rollstat/prometheus/rollstat.dashboard.json
usr/share/rollstat/prometheus/rollstat.rules.yaml
usr/share/rollstat/schemas/trade.avsc
usr/share/rollstat/schemas/indicator.avsc
usr/share/man/man1/rollstat-dlq.1
usr/share/man/man1/rollstat-publish.1
usr/share/man/man1/rollstat-schema.1
usr/share/man/man1/rollstat-state.1
usr/share/man/man1/rollstat-tap.1
usr/share/man/man1/rollstat-top.1
usr/share/man/man5/rollstat.yaml.5
usr/share/man/man8/rollstatd.8
usr/share/doc/rollstat/CHANGELOG.md
usr/share/doc/rollstat/LICENSE
usr/share/doc/rollstat/README.md
usr/share/doc/rollstat/operators.md
usr/share/doc/rollstat/redis-acl
usr/share/doc/rollstat/redis-acl-reader
""".split()
for _name in [os.path.basename(path) for path in PLACES if path.startswith("usr/bin/")]:
    PLACES += [f"usr/share/bash-completion/completions/{_name}", f"usr/share/zsh/site-functions/_{_name}",
               f"usr/share/fish/vendor_completions.d/{_name}.fish"]


class Install(suite.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Configured for the default prefix, /usr/local, and installed as a package is: with --prefix /usr, below another
        # root. What names a place has to name the one it is installed for.
        # Both trees are in a directory whose name shells, Ninja, Make, CMake and the linker each have something against.
        cls.odd = os.path.join(os.environ.get("RS_TMP") or tempfile.gettempdir(), f"install $b, 中文-{os.getpid()}")
        # One lies in the other as build/release does, and is configured alike, so that ccache has its objects.
        cls.build = os.path.join(cls.odd, "build", "release")
        os.makedirs(cls.build)
        for name in os.listdir(suite.ROOT):
            if not name.startswith((".", "build")):
                os.symlink(os.path.join(suite.ROOT, name), os.path.join(cls.odd, name))
        # The directory above it may hold blanks, which no unit and no flag of pkg-config takes as they are.
        cls.plain = tempfile.mkdtemp(prefix="rs-")
        cls.root = os.path.join(cls.plain, "root")
        procs.check(["cmake", "--preset", "release", "-S", cls.odd, "-B", cls.build, "-DCMAKE_INSTALL_LIBDIR=lib",
                     "-DRS_TESTS=OFF", "-DRS_WERROR=ON"])
        procs.check(["cmake", "--build", cls.build, "-j", "2"], timeout=900)
        cls.install(cls.root, "--prefix", "/usr")

    @classmethod
    def install(cls, root, *options):
        """Below `root`; "": in earnest."""
        procs.check(["cmake", "--install", cls.build, *options], env={**os.environ, "DESTDIR": root})

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.odd, ignore_errors=True)
        shutil.rmtree(cls.plain, ignore_errors=True)

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
            if path.startswith("usr/bin/"):
                environment = {**os.environ, "LD_LIBRARY_PATH": self.installed("usr/lib")}
                out, _ = procs.check([self.installed(path), "--version"], env=environment)
                self.assertEqual(out, b"rollstat 0.1.0\n", path)

    def test_the_example_configuration_is_right(self):
        with open(self.installed("etc/rollstat/rollstat.yaml.example"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("directory: /usr/share/rollstat/schemas ", text)
        path = self.write("example.yaml", text.replace("/usr/share/rollstat", self.installed("usr/share/rollstat")))
        out, err = procs.check([self.installed("usr/bin/rollstatd"), "-c", path, "--check"])
        self.assertEqual((out.decode(), err.decode()), (f"{path}: ok: 2 streams, 4 aggregates\n", ""))

    def test_what_the_example_comments_out_is_right_too(self):
        """Each commented setting of the example, put in."""
        with open(self.installed("etc/rollstat/rollstat.yaml.example"), encoding="utf-8") as file:
            text = file.read().replace("/usr/share/rollstat", self.installed("usr/share/rollstat"))
        for name in ("/etc/rollstat/client.pem", "/etc/ssl/certs/ca-certificates.crt"):
            self.assertIn(name, text)
            text = text.replace(name, self.write(os.path.basename(name), "a file of TLS\n"))
        lines = text.splitlines()
        head = next(i for i, line in enumerate(lines) if line.startswith("group:"))
        settings = [line[1:] if line.startswith("#") and not line.startswith("# ") or line.startswith("#  ") else line
                    for line in lines[head:]]
        self.assertGreater(sum(a != b for a, b in zip(settings, lines[head:])), 20)
        for name in ("redis-password", "kafka-password", "registry-password", "registry-key"):
            self.write(name, "secret\n")
        path = self.write("all.yaml", "\n".join(settings) + "\n")
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": self.directory, "HOSTNAME": "a"}
        out, err = procs.check([self.installed("usr/bin/rollstatd"), "-c", path, "--check"], env=environment)
        self.assertEqual((out.decode(), err.decode()), (f"{path}: ok: 2 streams, 4 aggregates\n", ""))

    @staticmethod
    def difference(unit, template):
        """Settings in which they differ."""
        pairs = list(zip(unit.splitlines(), template.splitlines(), strict=True))
        return {a.split("=")[0] for a, b in pairs if a != b and not a.startswith("#")}

    def all_files(self, root):
        found = {}
        for directory, _, names in os.walk(root):
            for name in names:
                with open(os.path.join(directory, name), "rb") as file:
                    found[os.path.relpath(os.path.join(directory, name), root)] = file.read()
        return found

    def test_one_place_for_the_configuration(self):
        """Whatever was configured: each prefix has its own paths in unit, example, pkg-config file and pages; /usr and
        /usr/local share /etc/rollstat."""
        for prefix, configuration in (("/usr", "/etc/rollstat"), ("/usr/local", "/etc/rollstat"),
                                      ("/opt/rollstat", "/opt/rollstat/etc/rollstat")):
            with self.subTest(prefix=prefix):
                root = self.path("root" + prefix.replace("/", "-"))
                self.install(root, *([] if prefix == "/usr/local" else ["--prefix", prefix]))
                files = self.all_files(root)
                self.assertEqual({f for f in files if not f"/{f}".startswith((prefix + "/", configuration + "/"))}, set())
                with open(os.path.join(self.build, "install_manifest.txt"), encoding="utf-8") as manifest:
                    listed = {line.strip()[1:] for line in manifest}
                self.assertEqual(set(files) - listed, set(), "not in the list of what was installed")
                texts = {f: text.decode() for f, text in files.items() if f.endswith(
                    (".service", ".example", ".pc", ".1", ".5", ".8"))}
                self.assertEqual(len(texts), 12)
                self.assertIn(f"{configuration[1:]}/rollstat.yaml.example", texts)
                unit = texts[f"{prefix[1:]}/lib/systemd/system/rollstatd.service"]
                self.assertIn(f"\nExecStart={prefix}/bin/rollstatd -c {configuration}/rollstat.yaml\n", unit)
                template = texts[f"{prefix[1:]}/lib/systemd/system/rollstatd@.service"]
                self.assertIn(f"\nExecStart={prefix}/bin/rollstatd -c {configuration}/%i.yaml\n", template)
                self.assertEqual(self.difference(unit, template), {
                    "Description", "ConditionPathExists", "ExecStart", "ExecReload", "CacheDirectory"})
                self.assertIn(f"prefix={prefix}\nlibdir={prefix}/lib\nincludedir={prefix}/include\n",
                              texts[f"{prefix[1:]}/lib/pkgconfig/rollstat.pc"])
                for name, text in texts.items():
                    self.assertNotIn(root, text, name)
                    self.assertNotRegex(text, "@RS_|@CMAKE_", name)
                    for other in {"/usr/local/etc", "/usr/etc"}:
                        self.assertNotIn(other, text, name)
                    self.assertEqual(text.count("/etc/rollstat"), text.count(configuration), name)
                # Unless the source says otherwise a page is what is in the source.
                with open(os.path.join(suite.ROOT, "deploy/man/rollstatd.8"), encoding="utf-8") as page:
                    self.assertEqual(texts[f"{prefix[1:]}/share/man/man8/rollstatd.8"],
                                     page.read().replace("/etc/rollstat", configuration))

    def test_own_schemas_are_found_where_they_are_installed(self):
        """A configuration without `schemas`, after an installation with a prefix that was not configured."""
        self.install("", "--prefix", self.path("own"))
        config = self.write("c.yaml", "kafka: {bootstrap.servers: 127.0.0.1:9}\n"
                            "streams: {t: {topic: t, schema: trade.avsc, time: executed_at}}\n")
        out, err = procs.check([self.path("own/bin/rollstatd"), "-c", config, "--check"])
        self.assertEqual((out.decode(), err), (f"{config}: ok: 1 stream, 0 aggregates\n", b""))
        self.write("c.yaml", "kafka: {bootstrap.servers: 127.0.0.1:9}\n"
                   "streams: {t: {topic: t, schema: none.avsc, time: executed_at}}\n")
        _, _, err = procs.run([self.path("own/bin/rollstatd"), "-c", config, "--check"])
        self.assertIn(self.path("own/share/rollstat/schemas/none.avsc"), err.decode())

    def test_the_library_is_found_by_pkg_config(self):
        own = os.path.join(self.plain, "own")
        self.install("", "--prefix", own)
        source = self.write("p.c", '#include <rollstat.h>\n#include <stdio.h>\nint main(void)\n{\n'
                            '    return puts(rollstat_version()) < 0;\n}\n')
        environment = {**os.environ, "PKG_CONFIG_PATH": f"{own}/lib/pkgconfig", "LD_LIBRARY_PATH": f"{own}/lib"}
        flags, _ = procs.check(["pkg-config", "--cflags", "--libs", "rollstat"], env=environment)
        procs.check(["cc", "-o", self.path("p"), source, *flags.decode().split()])
        out, _ = procs.check([self.path("p")], env=environment)
        self.assertEqual(out, b"0.1.0\n")

    def test_the_unit_is_right_and_confined(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("no systemd-analyze")
        with open(self.installed("usr/lib/systemd/system/rollstatd.service"), encoding="utf-8") as file:
            text = file.read()
        unit = os.path.join(self.plain, "rollstatd.service")
        self.write(unit, text.replace("/usr/bin/", self.installed("usr/bin/")))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60,
                              check=False)
        complaints = [line for line in done.stderr.splitlines() if "rollstatd.service" in line]
        self.assertEqual(complaints, [])
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=12", unit],
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
