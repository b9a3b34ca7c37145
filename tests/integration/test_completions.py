"""What bash, zsh and fish complete is what the programs say of themselves: all options of --help and no other, their values,
files where a file is due. The files are made by deploy/complete.awk as they are when they are installed; what they have to
say is read from --help here, by other means, and for bash by completing."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

PROGRAMS = ("rollstatd", "rollstat-dlq", "rollstat-publish", "rollstat-schema", "rollstat-state", "rollstat-tap", "rollstat-top")
COMMANDS = {"rollstat-dlq": ["list", "stats", "show", "export", "replay"],
            "rollstat-schema": ["canonical", "fingerprint", "decode", "explain", "check"]}
WORDS = {("rollstatd", "--log-level"): ["error", "warning", "info", "debug"],
         ("rollstatd", "--format"): ["csv", "ndjson", "avro", "avro-json"],
         ("rollstatd", "--framing"): ["bare", "confluent:", "single-object"],
         ("rollstat-publish", "--format"): ["csv", "ndjson", "avro", "avro-json"],
         ("rollstat-publish", "--framing"): ["bare", "confluent:", "single-object"],
         ("rollstat-schema", "--framing"): ["auto", "bare", "confluent", "single-object"]}


def help_of(program):
    return procs.check([suite.program(program), "--help"])[0].decode()


def options_of(text):
    """[(names, what the value is called or "")] of the lines that begin with an option."""
    found = []
    for line in text.splitlines():
        head = re.match(r"\s+((?:-\w, )?--[\w-]+)(?: (\S.*?))?(?:\s{2,}|$)", line)
        if head:
            found.append((head.group(1).split(", "), head.group(2) or ""))
    return found


class Completions(suite.Case):
    def make(self, program, shell, text=None):
        done = subprocess.run(["awk", "-v", f"program={program}", "-v", f"shell={shell}", "-f",
                               os.path.join(suite.ROOT, "deploy", "complete.awk")],
                              input=help_of(program) if text is None else text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def made(self, program, shell):
        code, out, err = self.make(program, shell)
        self.assertEqual((code, err), (0, ""))
        return self.write(f"{program}.{shell}", out), out

    def complete(self, path, *words):
        """What bash offers for the last of these words."""
        program = words[0]
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }\n'
                  f'_{program.replace("-", "_")}; [ ${{#COMPREPLY[@]}} -eq 0 ] || printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", path, *words], capture_output=True, text=True,
                              cwd=self.directory, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout.splitlines()

    def test_bash(self):
        for program in PROGRAMS:
            path, _ = self.made(program, "bash")
            options = options_of(help_of(program))
            self.assertGreater(len(options), 5, program)
            self.write("a name with blanks", "")
            everything = {name for names, _ in options for name in names}
            self.assertEqual(set(self.complete(path, program, "-")), everything, program)
            for name in everything:
                self.assertIn(name, self.complete(path, program, name[:-1]), program)
            for names, value in options:
                for name in names:
                    offered = self.complete(path, program, name, "")
                    expected = WORDS.get((program, names[-1]))
                    if expected:
                        self.assertEqual(offered, expected, (program, name))
                    elif value == "FILE" or not value and program not in COMMANDS:
                        self.assertIn("a name with blanks", offered, (program, name))
                    elif value:
                        self.assertNotIn("a name with blanks", offered, (program, name))
            for command in COMMANDS.get(program, []):
                self.assertIn(command, self.complete(path, program, command[:2]))
            self.assertIn("a name with blanks", self.complete(path, program, "a n"), program)

    def test_all_lists_of_values_are_known_here(self):
        for program in PROGRAMS:
            _, out = self.made(program, "fish")
            found = {(program, "--" + name): words.split() for name, words in re.findall(r"-l (\S+) -x -a '([a-z][^']*)'", out)}
            self.assertEqual(found, {key: words for key, words in WORDS.items() if key[0] == program})

    def test_zsh_and_fish(self):
        """By their text: the same options with the same kinds of values."""
        for program in PROGRAMS:
            options = options_of(help_of(program))
            _, zsh = self.made(program, "zsh")
            offered = {(name, bool(value)) for name, value in re.findall(r"^    '\*(-\w|--[\w-]+)=?\[.*\](:.*)?'(?: \\)?$", zsh, re.M)}
            self.assertEqual(offered, {(name, bool(value)) for names, value in options for name in names}, program)
            _, fish = self.made(program, "fish")
            offered = {(short, name, bool(value)) for short, name, value in
                       re.findall(rf"^complete -c {program}(?: -s (\w))? -l (\S+)( -r| -x)?", fish, re.M)}
            self.assertEqual(offered, {(names[0][1:] if len(names) == 2 else "", names[-1][2:], bool(value))
                                       for names, value in options}, program)

    def test_zsh_reads_them(self):
        if shutil.which("zsh") is None:
            self.skipTest("no zsh")
        for program in PROGRAMS:
            procs.check(["zsh", "-n", self.made(program, "zsh")[0]])

    def test_fish_offers_them(self):
        if shutil.which("fish") is None:
            self.skipTest("no fish")
        for program in PROGRAMS:
            path, _ = self.made(program, "fish")
            out, _ = procs.check(["fish", "--no-config", "-c", f"source $argv[1]; complete -C '{program} --'", path],
                                 env={**os.environ, "HOME": self.directory})
            offered = {line.split("\t")[0] for line in out.decode().splitlines()}
            self.assertEqual(offered, {names[-1] for names, _ in options_of(help_of(program))}, program)

    def test_a_new_option_is_offered_and_no_text_is_no_success(self):
        text = help_of("rollstatd").replace("      --check ", "  -q, --quick MODE          fast, or slow\n      --check ")
        for shell, expected in (("bash", "-q | --quick) mapfile -t COMPREPLY < <(compgen -W 'fast slow'"),
                                ("zsh", "'*--quick=[fast, or slow]:MODE:(fast slow)'"),
                                ("fish", "-s q -l quick -x -a 'fast slow'")):
            self.assertIn(expected, self.make("rollstatd", shell, text)[1])
        code, _, err = self.make("rollstatd", "bash", "Usage: none\n")
        self.assertEqual((code, err), (1, "complete.awk: no option in the --help of rollstatd\n"))


if __name__ == "__main__":
    suite.main()
