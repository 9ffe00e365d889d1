"""Flags: which parts a block has, and what such an argument is called."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from porting.writing.blocks import Statement
from porting.writing.expressions import walk
from porting.writing.shaping.arguments import Arguments, Option, Values
from porting.writing.shaping.columns import numbers_in, scaled
from porting.writing.shaping.labels import Label
from porting.writing.shaping.patterns import Hint, Hole, is_activation
from porting.writing.shaping.steps import Branch, Loop, Step, trees

Flags = Mapping[str, Sequence[bool]]
WHAT_IT_DOES = {"roll": "shift", "split": "divide", "concatenate": "join", "multiply": "scale"}


def branches(steps: Sequence[Step]) -> Iterator[Branch]:
    """All branches of steps."""
    for step in steps:
        if isinstance(step, Branch):
            yield step
        if not isinstance(step, Statement):
            yield from branches(step.body)


def flag_of(branch: Branch) -> str:
    """The flag that a branch asks for."""
    test = branch.test.operand if isinstance(branch.test, ast.UnaryOp) else branch.test
    return test.id if isinstance(test, ast.Name) else ""


def optional_activations(steps: Sequence[Step], columns: Sequence[Values]) -> dict[str, int]:
    """Flags that only say whether there is an activation -> the hole in which the activation stands."""
    found: dict[str, list[int]] = {}
    for branch in branches(steps):
        tree = branch.body[0].tree if len(branch.body) == 1 and isinstance(branch.body[0], Statement) else None
        hole = tree.func if isinstance(tree, ast.Call) and isinstance(tree.func, Hole) else None
        plain = hole is not None and not branch.otherwise and isinstance(branch.test, ast.Name)
        found.setdefault(flag_of(branch), []).append(hole.index if plain and hole is not None else -1)
    return {
        flag: holes[0]
        for flag, holes in found.items()
        if len(holes) == 1 and holes[0] >= 0 and any(v is not None and is_activation(v) for v in columns[holes[0]])
    }


def shifted_labels(
    steps: Sequence[Step], columns: list[Values], hints: Sequence[Hint], flags: Flags, fresh: Iterator[str]
) -> tuple[list[Step], list[Values], dict[int, ast.expr]]:
    """Numbers in the names of layers that are more by one where a part before them is there."""
    made: dict[str, str] = {}
    fixed: dict[int, ast.expr] = {}
    heads: list[Step] = []
    for at, (column, hint) in enumerate(zip(columns, hints, strict=True)):
        known = {ast.dump(value) for value in column if value is not None}
        if not hint.in_label or len(known) < 2:
            continue
        for flag, held in flags.items():
            shift = _shift(column, held)
            if shift is None:
                continue
            base, more = shift
            key = flag if more > 0 else f"not {flag}"
            if key not in made:
                made[key] = next(fresh)
                test = ast.Name(flag, ast.Load())
                head = ast.Call(ast.Name("int", ast.Load()), [test if more > 0 else ast.UnaryOp(ast.Not(), test)], [])
                heads.append(Statement([made[key]], head, ["n"]))
            fixed[at] = scaled(ast.Name(made[key], ast.Load()), abs(more), min(base, base + more))
            break
    kept = [[ast.Constant(0)] if at in fixed else column for at, column in enumerate(columns)]
    return [*heads, *steps], kept, fixed


def _shift(column: Values, held: Sequence[bool]) -> tuple[int, int] | None:
    """The number where a flag is not set, and how much more it is where it is."""
    sides: dict[bool, set[int]] = {True: set(), False: set()}
    for value, flag in zip(column, held, strict=True):
        if value is not None:
            sides[flag] |= set(numbers_in([value]) or [-1])
    if any(len(side) != 1 or side == {-1} for side in sides.values()):
        return None
    base = sides[False].pop()
    return base, sides[True].pop() - base


def named_flags(
    steps: Sequence[Step],
    flags: Flags,
    activations: Mapping[str, int],
    spelled: Mapping[int, ast.expr],
    arguments: Arguments,
) -> tuple[dict[str, ast.expr], list[Option]]:
    """What is written for each flag, and all options, those of flags last."""
    written: dict[str, ast.expr] = {}
    options = list(arguments.options)
    for flag, held in flags.items():
        said = spelled.get(activations.get(flag, -1))
        if flag in activations and said is not None:
            written[flag] = _asked(said, held, options, arguments)
            continue
        parts = [branch for branch in branches(steps) if flag_of(branch) == flag]
        name, opposite = _flag_name(steps, parts, held, arguments)
        arguments.taken.add(name)
        values: Values = [ast.Constant(one != opposite) for one in held]
        mostly = sum(one != opposite for one in held) > 0.75 * len(held)
        options.append(Option(name, values, ast.Constant(mostly)))
        plain = ast.Name(name, ast.Load())
        written[flag] = ast.UnaryOp(ast.Not(), plain) if opposite else plain
    return written, options


def _asked(said: ast.expr, held: Sequence[bool], options: list[Option], arguments: Arguments) -> ast.expr:
    """Whether an activation is given."""
    name = said.id if isinstance(said, ast.Name) else "activation"
    option = next((one for one in options if one.name == name), None)
    if option is None:
        return _activates(said, held, options, arguments)
    option.values = [value if one else None for value, one in zip(option.values, held, strict=True)]
    option.default = ast.Constant(None)
    return ast.Compare(ast.Name(name, ast.Load()), [ast.IsNot()], [ast.Constant(None)])


def _activates(said: ast.expr, held: Sequence[bool], options: list[Option], arguments: Arguments) -> ast.expr:
    name = next(n for n in ("activate", "activate_2", "activate_3") if n not in arguments.taken)
    arguments.taken.add(name)
    options.append(Option(name, [ast.Constant(one) for one in held], ast.Constant(False)))
    return ast.Name(name, ast.Load())


def _flag_name(
    steps: Sequence[Step], parts: Sequence[Branch], held: Sequence[bool], arguments: Arguments
) -> tuple[str, bool]:
    """What a flag is called, and whether that says the opposite."""
    inside = [_first_word(label) for part in parts for label in _labels([*part.body, *part.otherwise])]
    shared = next(iter(dict.fromkeys(inside)), "")
    everywhere = [_first_word(label) for label in _labels(steps)]
    is_own = shared.isidentifier() and len(set(inside)) == 1 and everywhere.count(shared) == len(inside)
    if is_own and shared not in arguments.taken:
        return shared, not _is_positive(parts, inside)
    modules = arguments.blocks.modules
    for name in dict.fromkeys(name for module in modules for name in vars(module) if not name.startswith("_")):
        values = [getattr(module, name, None) for module in modules]
        plain = name not in arguments.taken and name != "training" and all(type(value) is bool for value in values)
        if plain and values in (list(held), [not one for one in held]):
            return name, values != list(held)
    plain = _what_it_does(parts)
    return next(n for n in (plain, *(f"{plain}_{at}" for at in range(2, 99))) if n not in arguments.taken), False


def _is_positive(parts: Sequence[Branch], inside: Sequence[str]) -> bool:
    """Whether the layers stand where the flag is set."""
    first = parts[0]
    negated = isinstance(first.test, ast.UnaryOp)
    return bool(inside) and bool(list(_labels(first.body))) != negated


def _labels(steps: Sequence[Step]) -> Iterator[Label]:
    for tree in trees(steps):
        yield from (node for node in walk(tree) if isinstance(node, Label))


def _first_word(label: Label) -> str:
    return label.path().partition(".")[0]


def _what_it_does(parts: Sequence[Branch]) -> str:
    body: Any = [step for part in parts for step in (part.body or part.otherwise)]
    last = next((step.tree for step in reversed(body) if isinstance(step, Statement)), None)
    if isinstance(last, ast.BinOp) and isinstance(last.op, ast.Add):
        return "residual"
    for step in body:
        if isinstance(step, Loop):
            return "repeat"
        calls = [node for node in walk(getattr(step, "tree", ast.Constant(0))) if isinstance(node, ast.Call)]
        for call in calls:
            if isinstance(call.func, ast.Attribute):
                return WHAT_IT_DOES.get(call.func.attr, "expand" if call.func.attr.startswith("Conv") else "reduced")
            if isinstance(call.func, ast.Name):
                return f"with_{call.func.id}" if "norm_act" not in call.func.id else "expand"
    return "other"
