"""One function for all calls of modules of one class: constants that differ become arguments, optional parts flags."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from porting.writing.shaping.labels import Label, label_of, labelled
from porting.writing.shaping.merging.arguments import Arguments, Blocks, Option, Values
from porting.writing.shaping.merging.flags import named_flags, optional_activations, shifted_labels
from porting.writing.shaping.merging.ordering import in_order
from porting.writing.shaping.merging.variants import Merged, Merging, NotOneFunctionError, Variant
from porting.writing.shaping.patterns import Pattern, pattern_of, with_holes
from porting.writing.shaping.preparing import joined_sums
from porting.writing.shaping.rolling.lists import calls_in, grown, with_lists
from porting.writing.shaping.rolling.loops import rolled
from porting.writing.shaping.steps import Step, trees
from porting.writing.values.blocks import Block, BlockCall, Statement


@dataclass(slots=True)
class Function:
    """A function that is written for blocks of one class.

    Attributes
    ----------
    name : str
    kinds : list of type
        The torch classes that it stands for.
    parameters : list of str
        Its values.
    parameter_names : list of str
    options : list of Option
    steps : list of Step
    results : list of str
    has_layers : bool
        Whether it needs a name for them.
    """

    name: str
    kinds: list[type]
    parameters: list[str]
    parameter_names: list[str]
    options: list[Option]
    steps: list[Step]
    results: list[str]
    has_layers: bool


@dataclass(frozen=True, slots=True)
class Shaped:
    """A block with its steps in their final form, and as patterns."""

    block: Block
    patterns: list[Pattern]

    def key(self) -> str:
        """Equal for blocks that are written alike."""
        numbers: dict[str, int] = {}
        every = [*self.block.parameters, *(v for p in self.patterns for v in p.values), *self.block.results]
        order = [numbers.setdefault(value, len(numbers)) for value in every]
        return "\n".join([str(order), str(len(self.block.parameters)), *(p.key for p in self.patterns)])


@dataclass(slots=True)
class Functions:
    """All functions of a file; the model itself is the last."""

    taken: set[str]
    functions: list[Function] = field(default_factory=list)
    calls: dict[int, tuple[Function, int]] = field(default_factory=dict)
    fresh: Iterator[str] = field(default_factory=lambda: (f"%m{at}" for at in count()))

    def merge(self, model: Block) -> Function:
        """Make functions of all blocks, those inside before those around them."""
        ordered = in_order(model)
        calls = calls_in(block for together in ordered for blocks in together for block in blocks)
        for together in ordered:
            shaped: list[list[Shaped]] = []
            for blocks in together:
                with_lists(blocks, calls, self.fresh)
                shaped.append([self._shaped(block, alone=len(blocks) == 1) for block in blocks])
            for classes in _alike(shaped):
                self._merge_class(classes)
        return self.calls[id(model)][0]

    def _shaped(self, block: Block, *, alone: bool) -> Shaped:
        return Shaped(block, [pattern_of(step) for step in self._steps(block, alone=alone)])

    def _merge_class(self, blocks: Sequence[Shaped]) -> None:
        groups: dict[str, list[Shaped]] = {}
        for shaped in blocks:
            groups.setdefault(shaped.key(), []).append(shaped)
        pools: list[tuple[list[list[Shaped]], Merged]] = []
        for group in sorted(groups.values(), key=lambda group: -len(group[0].patterns)):
            for at, (pool, _) in enumerate(pools):
                if (merged := self._merged([*pool, group])) is not None:
                    pools[at] = [*pool, group], merged
                    break
            else:
                alone = self._merged([group])
                assert alone is not None
                pools.append(([group], alone))
        for pool, merged in pools:
            self._function(pool, merged)

    def _merged(self, pool: Sequence[Sequence[Shaped]]) -> Merged | None:
        variants = [Variant(g[0].patterns, g[0].block.parameters, g[0].block.results) for g in pool]
        try:
            return Merging(variants, self.fresh).merged()
        except NotOneFunctionError:
            return None

    def _function(self, pool: Sequence[Sequence[Shaped]], merged: Merged) -> None:
        shaped = [(variant, one) for variant, group in enumerate(pool) for one in group]
        first = shaped[0][1].block
        columns, hints = _columns(merged, shaped)
        blocks = Blocks(first.kind, [one.block.module for _, one in shaped])
        arguments = Arguments(blocks, {*first.parameter_names, "name", "n", *self.taken})
        set_in = {flag: [variant in present for variant, _ in shaped] for flag, present in merged.flags.items()}
        activations = optional_activations(merged.steps, columns)
        steps, columns, fixed = shifted_labels(merged.steps, columns, hints, set_in, self.fresh)
        spelled = {**dict(enumerate(arguments.spelled(columns, hints))), **fixed}
        steps = [with_holes(step, spelled) for step in steps]
        flags, options = named_flags(steps, set_in, activations, spelled, arguments)
        steps = rolled([with_flags(step, flags) for step in steps], merged.results, self.fresh)
        steps = joined_sums(steps, merged.results)
        has_layers = any(isinstance(node, Label) for tree in trees(steps) for node in ast.walk(tree))
        ordered = sorted(options, key=lambda option: option.default is not None)
        kinds = list(dict.fromkeys(one.block.kind for _, one in shaped))
        name = self._name(min(kinds, key=lambda kind: len(kind.__name__)))
        names = list(first.parameter_names)
        function = Function(
            name, kinds, merged.parameters, names, ordered, steps, merged.results, has_layers and first.path != ""
        )
        self.functions.append(function)
        for at, (_, one) in enumerate(shaped):
            self.calls[id(one.block)] = function, at

    def _name(self, kind: type) -> str:
        plain = snake(kind.__name__)
        name, number = plain, 1
        while name in self.taken:
            number += 1
            name = f"{plain}_{number}"
        self.taken.add(name)
        return name

    def _steps(self, block: Block, *, alone: bool) -> list[Step]:
        """The steps of a block, with calls of the functions of the blocks inside, and loops."""
        steps: list[Statement] = []
        for statement in block.statements:
            tree = statement.tree
            tree = self._call(tree, block) if isinstance(tree, BlockCall) else labelled(tree, block.path)
            steps.append(Statement(statement.targets, tree, statement.names, statement.place))
        return rolled(grown(steps, block.results, self.fresh), block.results, self.fresh, tables=alone)

    def _call(self, call: BlockCall, outer: Block) -> ast.expr:
        function, at = self.calls[id(call.block)]
        words = [
            ast.keyword(option.name, option.values[at] or option.default or ast.Constant(None))
            for option in function.options
        ]
        if function.has_layers:
            words.append(ast.keyword("name", label_of(call.block.path, outer.path)))
        return ast.Call(ast.Name(function.name, ast.Load()), list(call.arguments), words)


def _alike(classes: Sequence[list[Shaped]]) -> list[list[Shaped]]:
    """The blocks of classes that have blocks which are written alike are put together."""
    made: list[tuple[set[str], list[Shaped]]] = []
    for blocks in classes:
        keys = {shaped.key() for shaped in blocks}
        same = [one for one in made if one[0] & keys]
        for one in same:
            made.remove(one)
        before = [shaped for one in same for shaped in one[1]]
        made.append((keys.union(*(one[0] for one in same)), [*before, *blocks]))
    return [blocks for _, blocks in made]


def with_flags(step: Step, flags: dict[str, ast.expr]) -> Step:
    """A copy of a step with flags under their names."""
    from porting.writing.shaping.steps import rebuilt
    from porting.writing.values.expressions import clone

    class Naming(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return clone(flags[node.id]) if node.id in flags else node

    return rebuilt(step, lambda tree: Naming().visit(clone(tree)), lambda value: value)


def snake(name: str) -> str:
    """A class' name as a function's."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name).strip("_").lower()
    return plain if plain.isidentifier() else "block"


def _columns(merged: Merged, shaped: Sequence[tuple[int, Shaped]]) -> tuple[list[Values], list]:
    """For each hole, what stands there in each block, and where it stands."""
    columns: list[Values] = []
    hints = []
    for item in merged.items:
        variant, place = next(iter(item.places.items()))
        pattern = next(one.patterns[place] for number, one in shaped if number == variant)
        columns += [
            [
                one.patterns[item.places[number]].constants[at] if number in item.places else None
                for number, one in shaped
            ]
            for at in range(len(pattern.constants))
        ]
        hints += pattern.hints
    return columns, hints
