"""A page that does not do what it says is found out."""

import pytest

from parity_tests.docs.blocks import read_blocks
from parity_tests.docs.running import Page

PAGE = """
# A page

```python
# doubled.py
def double(number):
    return 2 * number
```

```python
import doubled
print("twice", doubled.double(21))
```

```output
twice 42
```

```diff
 def double(number):
-    return 2 * number
+    return number + number
```

::::{tab-set}
```{tab-item} Commands
~~~sh
python -c "import sys, doubled; sys.exit(doubled.double(1))"   # exit status 2: bad input
porting --version
~~~
```
::::

```output
porting 0.1
```

```text
pip install whatever
```
"""


def run(text, clone):
    page = clone / "page.md"
    page.write_text(text)
    state = Page()
    for block in read_blocks(page):
        state.run(block)


def test_a_page_runs_in_order_whatever_its_blocks_lie_in(clone):
    run(PAGE, clone)
    assert (clone / "doubled.py").read_text().endswith("    return number + number\n")


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ("import doubled\nprint", "import trebled\nprint", ModuleNotFoundError),
        ("doubled.double(21)", "doubled.triple(21)", AttributeError),
        ("```output\ntwice", "```output\nthrice", "page.md:16: not in what was printed: thrice 42"),
        ("-    return 2", "-    return 3", "page.md:20: these lines do not stand once in doubled.py"),
        ("exit status 2", "exit status 1", "exit status 2, not 1"),
        ("   # exit status 2: bad input", "", "exit status 2, not 0"),
        ("porting --version", "porting --verison", "exit status 2, not 0"),
        ("```text", "```bash", "nobody runs a block of 'bash'"),
    ],
)
def test_a_page_that_is_broken_fails(right, wrong, error, clone):
    assert PAGE.count(right) == 1
    expected, message = (AssertionError, error) if isinstance(error, str) else (error, None)
    with pytest.raises(expected, match=message):
        run(PAGE.replace(right, wrong), clone)


def test_an_error_in_a_block_names_the_pages_line(clone):
    with pytest.raises(ZeroDivisionError) as caught:
        run("text\n\n```python\none = 1\nprint(one / 0)\n```\n", clone)
    assert (caught.traceback[-1].path.name, caught.traceback[-1].lineno + 1) == ("page.md", 5)


def test_a_notebooks_cell_may_be_a_shell_or_a_file(clone):
    cells = (
        "%%writefile note.py\nprint('written')",
        "%%sh --no-raise-error\npython note.py\npython missing.py || exit 3",
    )
    code = "\n".join(f"```{{code-cell}} ipython3\n:tags: [hide-input]\n\n{cell}\n```\n" for cell in cells)
    with pytest.raises(AssertionError, match=r"page.md:11: .*\nexit status 3, not 0"):
        run(code, clone)
