"""Each check of the tree, against a small tree that has exactly one thing wrong."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[1]

EXERCISE = """## 01.1 ring: a title
kind: build
sitting: 1
files: ring/percore/ring.hpp
steps: submit 10
minutes: 5

**Step `submit`** does it.

<details><summary>Hint 1: a question</summary>

One.
</details>
<details><summary>Hint 2: an idea</summary>

Two.
</details>
<details><summary>Hint 3: the shape of the code</summary>

Three.
</details>
"""

RIGHT = {
    ".clang-format": "BasedOnStyle: Google\n",
    "README.md": "# Top\n\nSee [the harvest](lessons/01-hello/README.md#the-harvest).\n",
    "lessons/01-hello/hello.cpp": "// A program.\nint main() {\n  int x = 0;\n  return x;\n}\n",
    "lessons/01-hello/README.md": """# Lesson

## The harvest

<a id="r1"></a>**R1** It holds.

<!-- from: lessons/01-hello/hello.cpp -->
```cpp
// A program.
int main() {
  int x = 0;
  return x;
}
```

<!-- from: lessons/01-hello/hello.cpp#main -->
```cpp
// A program.
int main() {
  int x = 0;
  return x;
}
```

<!-- run: echo took 12 ms; vary: \\d+ -->
```text
took 97 ms
```

<!-- table: cat figures.md -->
| suite | ns |
| --- | --- |
| spawn | 12 |

After it.
""",
    "figures.md": "| suite | ns |\n| --- | --- |\n| spawn | 12 |\n",
    "exercises/01-hello/README.md": "# Hello\n\n" + EXERCISE,
    "exercises/01-hello/ring/percore/ring.hpp": "#pragma once\n",
    "runtime/ring/percore/ring.hpp": "#pragma once\n",
    "runtime/ring/ring.cpp": "#include <percore/ring.hpp>\n",
    "runtime/contracts/percore/contract/ring.hpp": "///   R1  It holds.\n",
    "tools/checks/01-hello/ring_submit.cpp": 'const char* where = "Lesson 01, *The harvest*";\n',
}


class TreeTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        for name, text in RIGHT.items():
            self.put(name, text)
        (self.root / "tools/tree").mkdir()
        for script in ("markdown.py", "includes.py", "format.py"):
            shutil.copy(TOOLS / script, self.root / "tools/tree" / script)
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, name, old, new):
        text = (self.root / name).read_text()
        self.assertIn(old, text)
        self.put(name, text.replace(old, new))

    def tool(self, script, *options):
        return subprocess.run([sys.executable, self.root / "tools/tree" / script, *options], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def passes(self, script):
        done = self.tool(script)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"[1-9]\d* passed, 0 failed\n$")

    def says(self, script, *words):
        done = self.tool(script)
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stdout)
        self.assertRegex(done.stdout, r"\d+ passed, 1 failed\n$")


class Markdown(TreeTest):
    lesson = "lessons/01-hello/README.md"
    exercises = "exercises/01-hello/README.md"

    def test_the_right_tree_passes(self):
        self.passes("markdown.py")

    def test_a_quotation_that_drifted(self):
        self.change(self.lesson, "#main -->\n```cpp\n// A program.\nint main() {\n  int x = 0;",
                    "#main -->\n```cpp\n// A program.\nint main() {\n  int x = 1;")
        self.says("markdown.py", f"{self.lesson}:16:", "differs from lessons/01-hello/hello.cpp#main")
        self.tool("markdown.py", "--write")
        self.passes("markdown.py")

    def test_a_quotation_of_a_definition_that_is_gone(self):
        self.change(self.lesson, "#main", "#gone")
        self.says("markdown.py", "quotes gone of lessons/01-hello/hello.cpp")

    def test_an_output_that_drifted(self):
        self.change(self.lesson, "took 97 ms", "took 97 s")
        self.says("markdown.py", "differs from echo took 12 ms")

    def test_a_command_that_fails(self):
        self.change(self.lesson, "echo took 12 ms", "exit 7")
        self.says("markdown.py", "ended with status 7")

    def test_a_command_that_is_not_there(self):
        self.change(self.lesson, "echo took 12 ms", "./tools/gone | cat")
        self.says("markdown.py", "ended with status 127")
        self.tool("markdown.py", "--write")
        self.says("markdown.py", "ended with status 127")

    def test_a_program_that_is_not_built(self):
        self.change(self.lesson, "run: echo", "output: hello")
        self.says("markdown.py", "hello, which is not built")

    def test_a_table_that_drifted_from_what_is_recorded(self):
        self.change(self.lesson, "| spawn | 12 |", "| spawn | 11 |")
        self.says("markdown.py", f"{self.lesson}:30:", "differs from what is recorded, which `cat figures.md` prints")
        self.tool("markdown.py", "--write")
        self.passes("markdown.py")

    def test_recorded_figures_that_changed(self):
        self.change("figures.md", "| spawn | 12 |", "| spawn | 13 |\n| yield | 2 |")
        self.says("markdown.py", "differs from what is recorded")
        self.tool("markdown.py", "--write")
        self.passes("markdown.py")
        self.assertIn("| spawn | 13 |\n| yield | 2 |\n\nAfter it.\n", (self.root / self.lesson).read_text())

    def test_a_table_without_a_row_of_the_record(self):
        self.change(self.lesson, "| spawn | 12 |\n", "")
        self.says("markdown.py", "differs from what is recorded")

    def test_a_table_whose_command_fails_or_prints_none(self):
        self.change(self.lesson, "table: cat figures.md", "table: cat gone.md")
        self.says("markdown.py", "ended with status 1")
        self.change(self.lesson, "table: cat gone.md", "table: echo nothing")
        self.says("markdown.py", "`echo nothing` printed no table")

    def test_a_link_to_no_file(self):
        self.change("README.md", "README.md#the-harvest", "TEXT.md")
        self.says("markdown.py", "links to lessons/01-hello/TEXT.md")

    def test_a_link_to_no_heading(self):
        self.change("README.md", "#the-harvest", "#the-sowing")
        self.says("markdown.py", "README.md:3:", "has no such heading")

    def test_an_exercise_with_two_hints(self):
        self.change(self.exercises, "Hint 2: an idea", "An idea")
        self.says("markdown.py", "has the hints 1, 3")

    def test_an_exercise_without_its_starting_file(self):
        (self.root / "exercises/01-hello/ring/percore/ring.hpp").unlink()
        self.says("markdown.py", "its starting file ring/percore/ring.hpp is not there")

    def test_a_step_without_text(self):
        self.change(self.exercises, "**Step `submit`**", "It")
        self.says("markdown.py", "its text has no '**Step `submit`**'")

    def test_a_step_without_points(self):
        self.change(self.exercises, "submit 10", "submit")
        self.says("markdown.py", "the step 'submit' is not 'name points'")

    def test_exercises_out_of_order(self):
        self.change(self.exercises, "## 01.1", "## 01.3")
        self.says("markdown.py", "01.1 comes next")

    def test_a_heading_without_fields(self):
        self.put(self.exercises, "# Hello\n\n" + EXERCISE + "\n## Another one\n")
        self.says("markdown.py", "has 2 exercises, of which 1 are of the form")

    def test_an_invariant_that_no_lesson_explains(self):
        self.put("runtime/contracts/percore/contract/ring.hpp", "///   R1  It holds.\n///   R2  That, too.\n")
        self.says("markdown.py", "ring.hpp:2:", "no lesson explains R2")

    def test_a_check_that_cites_no_heading(self):
        self.change("tools/checks/01-hello/ring_submit.cpp", "The harvest", "The sowing")
        self.says("markdown.py", "cites lesson 01, *The sowing*")


class Includes(TreeTest):
    def test_the_right_tree_passes(self):
        self.passes("includes.py")

    def test_an_include_that_walks_up(self):
        self.put("runtime/ring/ring.cpp", '#include "../task/percore/task.hpp"\n')
        self.says("includes.py", "runtime/ring/ring.cpp:1:", "may not walk up the tree")

    def test_a_module_between_quotes(self):
        self.put("runtime/ring/ring.cpp", '#include "percore/ring.hpp"\n')
        self.says("includes.py", "write #include <percore/ring.hpp>")

    def test_a_module_between_quotes_by_its_own_name(self):
        self.put("runtime/ring/ring.cpp", '#include "ring.hpp"\n')
        self.says("includes.py", "write #include <percore/ring.hpp>")

    def test_quotes_for_what_lies_elsewhere(self):
        self.put("runtime/ring/ring.cpp", '#include "queue.hpp"\n')
        self.says("includes.py", "does not lie beside it")


class Format(TreeTest):
    def test_the_right_tree_passes(self):
        self.passes("format.py")

    def test_code_that_is_not_formatted(self):
        self.put("runtime/ring/ring.cpp", "int   x;\n")
        self.says("format.py", "runtime/ring/ring.cpp:1: not as clang-format")
        self.tool("format.py", "--write")
        self.passes("format.py")

    def test_a_line_that_is_too_long(self):
        self.put("tools/other.py", "x = '" + "x" * 130 + "'\n")
        self.says("format.py", "tools/other.py:1: 136 columns; at most 130")

    def test_blanks_at_the_end_of_a_line(self):
        self.put("tools/other.py", "x = 1 \n")
        self.says("format.py", "tools/other.py:1:", "blanks at the end")

    def test_what_a_test_left_at_the_top(self):
        self.put("percore_test_Zx81aB/file", "block")
        self.passes("format.py")
        subprocess.run(["git", "add", "percore_test_Zx81aB"], cwd=self.root, check=True)
        self.says("format.py", "percore_test_Zx81aB: does not belong")


if __name__ == "__main__":
    unittest.main()
