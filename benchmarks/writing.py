"""Write the ports of public models and judge them: ``python -m benchmarks.writing [NAME ...]``.

All models come from the package index (``pip install '.[public]'`` in an environment of its own); nothing is
downloaded besides. Each is written in a process of its own by `porting.write`, with weights drawn as if trained: the
verdict is the whole one. Lines are those that are neither blank, comment nor docstring, of what was written and of the
torch classes that it replaces (of `torch.nn` none, as Keras has such layers too). With --gallery sources are kept.
"""

import argparse
import ast
import inspect
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from pathlib import Path

from benchmarks.ground.machine import name_machine, prepare_frameworks

LIMIT = 1500
"""Seconds that one model may take before it is given up."""

TITLES = (
    f"{'model':<30}{'group':<14}{'verdict':<13}{'lines':>6}{'torch':>7}{'ratio':>7}{'functions':>11}{'transposes':>12}"
)


def lines_of(source: str) -> int:
    """Lines that are neither blank, comment nor docstring."""
    tree = ast.parse(textwrap.dedent(source))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    kept = set()
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            kept |= (
                set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
                if isinstance(node, ast.expr)
                else {node.lineno}
            )
    text = textwrap.dedent(source).splitlines()
    return sum(1 for number in kept if text[number - 1].strip() and not text[number - 1].strip().startswith("#"))


def torch_lines(model) -> int:
    """Lines of the classes whose forward a model runs, those of torch.nn left out."""
    bases = {kind for module in model.modules() for kind in type(module).__mro__}
    count = 0
    for kind in bases:
        if "forward" in vars(kind) and kind.__module__.partition(".")[0] != "torch":
            count += lines_of(inspect.getsource(kind))
    return count


def alike(source: str) -> list[str]:
    """Functions whose body is that of another up to constants and names."""
    groups: dict[str, list[str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            groups.setdefault(_form(node), []).append(node.name)
    return [" = ".join(names) for names in groups.values() if len(names) > 1]


def _form(function: ast.FunctionDef) -> str:
    """A function's body without its constants, its own names numbered; what it calls by name stays."""
    called = {id(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    own: dict[str, str] = {}

    class Plain(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            is_module = node.id in {"layers", "ops", "keras"}
            return node if id(node) in called or is_module else ast.Name(own.setdefault(node.id, f"v{len(own)}"))

        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            return ast.Constant(0)

    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    return "\n".join(ast.dump(Plain().visit(node)) for node in body)


def findings(source: str) -> list[str]:
    """What ``ruff check`` says against a source: errors, names, lines of more than 100 columns."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,W,I,B,UP", "--quiet"]
    options = ["--line-length", "100", "--output-format", "concise", "-"]
    said = subprocess.run([*command, *options], input=source, capture_output=True, text=True, check=False).stdout
    return said.splitlines()


def type_findings(folder: Path) -> dict[str, int]:
    """How many errors basedpyright finds in each source of a folder; empty where it is not installed."""
    beside = str(Path(sys.executable).parent)
    tool = shutil.which("basedpyright", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if tool is None:
        return {}
    command = [tool, "--level", "error", "--outputjson", "--pythonpath", sys.executable, str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = Counter(Path(item["file"]).stem for item in json.loads(said)["generalDiagnostics"])
    return {path.stem: found[path.stem] for path in sorted(folder.glob("*.py"))}


def models(elsewhere: bool | None = None) -> dict:
    """The census, and the models outside of it; either, where it is asked for."""
    from benchmarks.public.census import CENSUS
    from benchmarks.public.elsewhere import ELSEWHERE

    return {**({} if elsewhere else CENSUS), **({} if elsewhere is False else ELSEWHERE)}


def measure(name: str, gallery: Path | None) -> dict:
    """Write one model and judge what was written."""
    import numpy as np
    import torch

    import porting

    found = models()[name]
    torch.manual_seed(0)
    row: dict = {"name": name, "group": found.group}
    with tempfile.TemporaryDirectory() as folder:
        example = Path(folder) / "inputs.npz"
        np.savez(example, *[tensor.numpy() for tensor in found.inputs()])
        started = time.perf_counter()
        try:
            output = Path(folder) / f"{name}.py"
            writing = porting.write(found.build, output, example=example, keep_failed=True, patience=0.0)
        except porting.PortingError as error:
            return {**row, "verdict": "refused", "why": str(error)}
        row |= {"seconds": time.perf_counter() - started, "verdict": writing.report.verdict.value}
        row |= {"parts": {part: held.status.value for part, held in writing.report.parts.items()}}
        row |= {
            "why": _why(writing.report),
            "lines": lines_of(writing.model.text),
            "torch_lines": torch_lines(found.build()),
        }
        row |= {"functions": writing.model.functions(), "transposes": writing.model.transposes()}
        row |= {"alike": alike(writing.model.text), "ruff": findings(writing.model.text)}
        row |= {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        if gallery:
            gallery.mkdir(parents=True, exist_ok=True)
            (gallery / f"{name}.py").write_text(writing.model.text)
    return row


def _why(report) -> str:
    """What keeps a report from PASS."""
    parts = [(name, part) for name, part in report.parts.items() if part.status.value != "PASS"]
    return "; ".join(f"{name}: {' | '.join(part.lines[-3:])}" for name, part in parts)


def shown(row: dict) -> str:
    """One row of the table."""
    start = f"{row['name']:<30}{row['group']:<14}{row['verdict']:<13}"
    if "lines" not in row:
        return f"{start}  {row.get('why', '').splitlines()[0][:140] if row.get('why') else ''}"
    ratio = f"{row['lines'] / row['torch_lines']:>7.2f}" if row["torch_lines"] else f"{'-':>7}"
    counts = f"{row['lines']:>6}{row['torch_lines']:>7}{ratio}{row['functions']:>11}{row['transposes']:>12}"
    return f"{start}{counts}{row['seconds']:>8.0f} s{row['memory']:>8,.0f} MB  {row['why'][:200]}"


def main() -> None:
    """Write each model in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="models; all of benchmarks.public.census if not given")
    parser.add_argument("--elsewhere", action="store_true", help="all of benchmarks.public.elsewhere instead")
    parser.add_argument("--gallery", type=Path, help="a folder to keep the sources in")
    parser.add_argument(
        "--json", type=Path, help="a file for the figures, a line each; models in it are not written again"
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        prepare_frameworks()
        print(json.dumps(measure(options.names[0], options.gallery)))
        return
    print(name_machine())
    print(f"{TITLES}{'time':>10}{'memory':>11}", flush=True)
    held = (
        [json.loads(line) for line in options.json.read_text().splitlines()]
        if options.json and options.json.exists()
        else []
    )
    done = {row["name"]: row for row in held}
    known = models()
    for name in options.names or models(elsewhere=options.elsewhere):
        row = done.get(name) or _measured(name, known[name].group, options)
        done[name] = row
        print(shown(row), flush=True)
        if options.json:
            options.json.write_text("".join(f"{json.dumps(held)}\n" for held in done.values()))
    _summarise(list(done.values()))
    if options.gallery:
        (options.gallery / "table.md").write_text(_table(list(done.values())))
        types = type_findings(options.gallery)
        print(f"basedpyright: {sum(types.values())} errors in {sum(map(bool, types.values()))} of {len(types)} sources")


def _table(rows: list[dict]) -> str:
    """The figures as a page of the documentation includes them, with each source to be had."""
    titles = [
        "model",
        "from",
        "verdict",
        "lines",
        "lines / torch's",
        "functions",
        "transpositions",
        "seconds",
        "remark",
    ]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for row in rows:
        remark = (row.get("why") or "").partition("\n")[0][:160].replace("|", "/")
        if "lines" not in row:
            lines.append(f"| {row['name']} | {row['group']} | {row['verdict']} | | | | | | {remark} |")
            continue
        is_judged = "seconds" in row
        ratio = f"{row['lines'] / row['torch_lines']:.2f}" if row["torch_lines"] else ""
        source = f"{{download}}`{row['name']} </gallery/{row['name']}.py>`" if is_judged else row["name"]
        seconds = f"{row['seconds']:.0f}" if is_judged else ""
        counts = f"{row['lines']} | {ratio} | {row['functions']} | {row['transposes']} | {seconds} | {remark}"
        lines.append(f"| {source} | {row['group']} | {row['verdict']} | {counts} |")
    return "\n".join(lines) + "\n"


def _measured(name: str, group: str, options: argparse.Namespace) -> dict:
    more = ["--gallery", str(options.gallery)] if options.gallery else []
    command = [sys.executable, "-m", "benchmarks.writing", name, "--one", *more]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        ended = subprocess.run(command, check=False, timeout=LIMIT, env=environment, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return {"name": name, "group": group, "verdict": "no verdict", "why": f"none in {LIMIT} s"}
    if ended.returncode:
        said = ended.stderr.strip().splitlines()[-1:] or [f"status {ended.returncode}"]
        return {"name": name, "group": group, "verdict": "error", "why": said[0]}
    return json.loads(ended.stdout.strip().splitlines()[-1])


def _summarise(rows: list[dict]) -> None:
    verdicts = [row["verdict"] for row in rows]
    ratios = sorted(row["lines"] / row["torch_lines"] for row in rows if row.get("torch_lines"))
    print(", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)))
    twice = [pair for row in rows for pair in row.get("alike", ())]
    said = sum(len(row.get("ruff", ())) for row in rows)
    print(f"functions with the body of another: {len(twice)}; findings of ruff: {said}")
    if ratios:
        print(f"lines written / lines of torch: median {ratios[len(ratios) // 2]:.2f}, greatest {ratios[-1]:.2f}")


if __name__ == "__main__":
    main()
