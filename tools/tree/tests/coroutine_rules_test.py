"""The coroutine rules, on a line that breaks each and on its right form."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from coroutine_rules import findings  # noqa: E402


class CoroutineRules(unittest.TestCase):
    def found(self, text):
        return [sentence for _, sentence in findings(text)]

    def test_conditions(self):
        for line in ("if (co_await f()) {}", "while (co_await f() < 3) g();", "for (; co_await f();) {}",
                     "switch (co_await f()) {}", "if (auto x = g(co_await f()); x) {}"):
            self.assertRegex(self.found(f"Task<int> t() {{ {line} }}")[0], "in the condition of")

    def test_right_forms(self):
        for line in ("const auto x = co_await f(); if (x) {}", "auto&& x = co_await f();", "co_return co_await f();",
                     "for (;;) { co_await f(); }", "if (x && y) { co_await f(); }", "if (x && y) co_await f();",
                     "else if (a(b) || c) co_await f();", "while (x && !y) if (z ? 1 : 0) co_await f(); else co_await g();",
                     "auto g = [x] { return x; }; co_await f(std::move(g));",
                     "// if (co_await f())", 'puts("if (co_await f())");', "Awaiter operator co_await() && noexcept;",
                     "co_await f([] { return 1; });", "co_await f(Point(1, 2));"):
            self.assertEqual(self.found(f"Task<int> t() {{ {line} }}"), [], line)

    def test_operators(self):
        for line in ("const bool x = a && co_await f();", "const bool x = co_await f() || b;",
                     "if (x && y) z = a && co_await f();", "const int x = a ? co_await f() : 0;",
                     "auto* x = new int(co_await f());"):
            self.assertEqual(len(self.found(f"Task<int> t() {{ {line} }}")), 1, line)

    def test_temporaries(self):
        self.assertRegex(self.found("co_await f([x] { return x; });")[0], "lambda with captures")
        self.assertRegex(self.found("co_await f({1, 2, 3});")[0], "braced list")

    def test_capturing_lambda_coroutine(self):
        self.assertRegex(self.found("auto g = [&x](int y) -> Task<int> { co_return x; };")[0], "die with the lambda")
        self.assertEqual(self.found("auto g = [](int y) -> Task<int> { co_return y; };"), [])

    def test_lines_and_let_through(self):
        text = "void f() {\n\n  if (co_await g()) {}\n  if (co_await g()) {}  // rule: a bad example\n}\n"
        self.assertEqual([line for line, _ in findings(text)], [3])


if __name__ == "__main__":
    unittest.main()
