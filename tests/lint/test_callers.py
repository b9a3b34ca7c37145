"""Nothing is offered that nobody calls: see caller_rule.py."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

RULE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "caller_rule.py")


class Callers(suite.Case):
    def gate(self, root):
        status, out, _ = procs.run([sys.executable, RULE, root])
        return status, out.decode()

    def test_callers(self):
        status, out = self.gate(suite.ROOT)
        self.assertEqual(status, 0, out)

    def assert_found(self, text):
        status, out = self.gate(self.directory)
        self.assertEqual((status, text in out), (1, True), out)

    def test_callers_can_fail(self):
        self.assertEqual(self.gate(self.directory)[0], 2, "nothing to check")
        os.makedirs(self.path("base"))
        os.makedirs(self.path("tests"))
        self.write("base/a.h", "int a_used(int\n           x);\nRS_MUST_USE int a_pointed(void);\nint a_below(void);\n"
                               "static inline int a_inline(void)\n{\n    return a_below();\n}\n")
        self.write("base/a.c", "int a_used(int x)\n{\n    return x;\n}\n\nint a_pointed(void)\n{\n    return a_below();\n}\n")
        uses = "int main(void)\n{\n    int (*f)(void) = a_pointed;\n    return a_used(a_inline());\n}\n"
        self.write("base/b.c", uses)
        self.assertEqual(self.gate(self.directory)[0], 0)
        call = "int c(void)\n{\n    return a_idle();\n}\n"
        for declaration in ("int a_idle(void);", "RS_MUST_USE int a_idle(void);", "struct a *a_idle(\n    void);",
                            "static inline int a_idle(void)\n{\n    return 0;\n}"):
            self.write("base/c.h", declaration + "\n")
            self.assert_found("base/c.h: a_idle has no caller")
        self.write("base/c.c", "int a_idle(void)\n{\n    return 1;\n}\n" + call)
        self.assert_found("base/c.h: a_idle has no caller outside its own file")
        # Tests are no callers, and neither are texts and comments.
        self.write("tests/c.c", call)
        self.write("base/b.c", uses + '/* a_idle() */\nconst char *b = "a_idle()";\n')
        self.assert_found("base/c.h: a_idle has no caller outside its own file")
        self.write("base/b.c", uses + call)
        self.assertEqual(self.gate(self.directory)[0], 0)

    def test_list_of_callers_elsewhere_can_fail(self):
        os.makedirs(self.path("transform/worker"))
        self.write("transform/worker/worker.h", "int rs_worker_step(void);\n")
        self.write("transform/worker/run.c", "int run(void)\n{\n    return rs_worker_step();\n}\n")
        self.assert_found("rs_worker_step has a caller: caller_rule.py need not list it")
        self.assert_found("caller_rule.py lists rs_http_port, which is not there")


if __name__ == "__main__":
    suite.main()
