"""Flags: which parts a block has, and what such an argument is called."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from porting.writing.shaping.labels import Label
from porting.writing.shaping.merging.arguments import Arguments, Option, Values
from porting.writing.shaping.patterns import Hint, Hole, is_activation
from porting.writing.shaping.rolling.columns import numbers_in, scaled
from porting.writing.shaping.steps import Branch, Loop, Step, trees
from porting.writing.values.blocks import Statement
from porting.writing.values.expressions import clone, walk

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
    """Numbers in the names of layers that are more by one for each part before them that is there."""
    made: dict[str, str] = {}
    fixed: dict[int, ast.expr] = {}
    heads: list[Step] = []
    for at, (column, hint) in enumerate(zip(columns, hints, strict=True)):
        known = {ast.dump(value) for value in column if value is not None}
        said = _shift(column, flags) if hint.in_label and len(known) > 1 else None
        if said is None:
            continue
        tree: ast.expr | None = None
        for flag, more in said[1]:
            one = ast.Call(ast.Name("int", ast.Load()), [ast.Name(flag, ast.Load())], [])
            tree = scaled(one, more) if tree is None else ast.BinOp(tree, ast.Add(), one)
            if ast.unparse(tree) not in made:
                made[ast.unparse(tree)] = next(fresh)
                heads.append(Statement([made[ast.unparse(tree)]], clone(tree), ["n"]))
            tree = ast.Name(made[ast.unparse(tree)], ast.Load())
        assert tree is not None
        fixed[at] = scaled(tree, 1, said[0])
    kept: list[Values] = [[ast.Constant(0)] if at in fixed else column for at, column in enumerate(columns)]
    return [*heads, *steps], kept, fixed


def _shift(column: Values, flags: Flags) -> tuple[int, list[tuple[str, int]]] | None:
    """The number where no flag is set, and how much more each of these makes it."""
    if any(value is not None and not numbers_in([value]) for value in column):
        return None
    numbers = {at: numbers_in([value])[0] for at, value in enumerate(column) if value is not None}
    more = max(numbers.values()) - min(numbers.values())
    for chosen in [*(((flag, more),) for flag in flags), *(((a, 1), (b, 1)) for a, b in combinations(flags, 2))]:
        bases = {number - sum(k * flags[flag][at] for flag, k in chosen) for at, number in numbers.items()}
        if len(bases) == 1:
            return bases.pop(), list(chosen)
    return None


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
        if (option := _present_with(flag, held, options)) is not None:
            option.default = ast.Constant(None)
            written[flag] = ast.Compare(ast.Name(option.name, ast.Load()), [ast.IsNot()], [ast.Constant(None)])
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


def _present_with(flag: str, held: Sequence[bool], options: Sequence[Option]) -> Option | None:
    """The argument that is given wherever a flag is set, and nowhere else."""
    absent = [not one for one in held]
    plain = (option for option in options if not any(map(_is_none, option.values)))
    return next((option for option in plain if [value is None for value in option.values] == absent), None)


def _is_none(value: ast.expr | None) -> bool:
    """Whether a call is given None itself."""
    return isinstance(value, ast.Constant) and value.value is None


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
            if isinstance(call.func, ast.Name) and call.func.id.isidentifier():
                return f"with_{call.func.id}" if "norm_act" not in call.func.id else "expand"
    return "other"
