"""What of tables is compared: positions are all alike, and rows may be looked up in a variable of the other model."""

from dataclasses import dataclass

import numpy as np

from porting.rules.unit_axes import with_axes_of, with_unit_axes_of
from porting.rules.windows import Whole
from porting.traces import LayerCall, Teaching


@dataclass(frozen=True, slots=True)
class Broadcast(Whole):
    """One side may have one sample where the other has as many as the model's input: positions are all the same."""

    def inputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both inputs with as many samples, and only the numbers: the port's are its own count of positions."""
        return self._alike(reference, port)

    def outputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both outputs with as many samples."""
        return self._alike(reference, port)

    def returned(self, output: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> np.ndarray:
        """The reference's output with the axes of the port's: one less is that of the samples, or merged with them."""
        shape, (ours, theirs) = calls[1].output.shape, ([*call.input.shape] for call in calls)
        has_less = len(ours) > 1 and len(theirs) > 0 and theirs[1:] == ours[2:]
        is_merged = has_less and theirs[0] > ours[1] and theirs[0] % ours[1] == 0
        return with_axes_of(output, shape) if is_merged else with_unit_axes_of(output, shape)

    def teaching(self, feed: np.ndarray, give: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Teaching:
        """What the reference's layer is fed and returns, with the axes of the port's, or without its samples."""
        theirs = calls[1]
        has_samples = give.ndim == theirs.output.ndim + 1 and bool((give == give[:1]).all())
        given = give[0] if has_samples else _ranked(give, theirs.output.ndim)
        return Teaching(theirs.name, theirs.kind, _ranked(feed, theirs.input.ndim), given, fits=has_samples)

    @staticmethod
    def _alike(reference: np.ndarray, port: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ours, theirs = _aligned(reference, port)
        try:
            shape = np.broadcast_shapes(ours.shape, theirs.shape)
        except ValueError:
            return reference, port
        return np.broadcast_to(ours, shape), np.broadcast_to(theirs, shape)


@dataclass(frozen=True, slots=True)
class Table(Broadcast):
    """The reference has a tensor of its own where the port looks one up: what the port's layer is given is its own."""

    def inputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nothing that can be compared: a tensor is given nothing."""
        return reference, reference

    def outputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both outputs; nothing where the port looks up what it likes: which rows shows in what it does with them."""
        return (reference, reference) if looks_up_by_sample(calls[1]) else self._alike(reference, port)

    def teaching(self, feed: np.ndarray, give: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Teaching:
        """The port's layer looks up what it looked up, and returns what the reference's tensor is to be."""
        theirs, samples = calls[1], len(give)
        if looks_up_by_sample(theirs):
            rows = np.resize(theirs.input, (samples, *theirs.input.shape[1:]))
            return Teaching(theirs.name, theirs.kind, rows, give[0].reshape(-1, give.shape[-1])[rows])
        return Teaching(
            theirs.name,
            theirs.kind,
            _of_samples(theirs.input, theirs.input, samples),
            _of_samples(
                np.broadcast_to(give[:1].reshape(_unit_free(give, theirs.output)), theirs.output.shape),
                theirs.input,
                samples,
            ),
        )


@dataclass(frozen=True, slots=True)
class Rows(Table):
    """The reference looks up rows of a table that the port has as a variable: both are whatever their weights are."""

    def outputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nothing that can be compared: which rows the port takes shows in what it does with them."""
        return reference, reference

    def teaching(self, feed: np.ndarray, give: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Teaching:
        """The variable has the rows that the reference is to give, where the reference looks them up."""
        ours, theirs = calls
        rows = np.array(theirs.output[0]).reshape(-1, give.shape[-1])
        given = give.reshape(-1, give.shape[-1])
        rows[np.resize(ours.input, len(given))] = given
        whole = np.broadcast_to(rows.reshape(theirs.output.shape[1:]), theirs.output.shape)
        return Teaching(theirs.name, theirs.kind, whole, whole)


def looks_up_by_sample(call: LayerCall) -> bool:
    """Whether a layer looks up other rows for one sample than for another, as positions never are."""
    rows = call.input
    return rows.dtype.kind in "iu" and rows.ndim > 1 and not bool((rows == rows[:1]).all())


def _unit_free(give: np.ndarray, like: np.ndarray) -> tuple[int, ...]:
    """The shape of one sample without its axes of length 1, in as many axes as another array has at most."""
    lengths = [length for length in give.shape[1:] if length > 1]
    return tuple(lengths) if len(lengths) <= like.ndim else give.shape[1:]


def _of_samples(array: np.ndarray, looked_up: np.ndarray, samples: int) -> np.ndarray:
    """An array of as many samples, where what is looked up has samples and each is the same."""
    if looked_up.ndim < 2 or len(looked_up) in (1, samples) or not (looked_up == looked_up[:1]).all():
        return array
    return np.broadcast_to(array[:1], (samples, *array.shape[1:]))


def _ranked(array: np.ndarray, rank: int) -> np.ndarray:
    """An array with unit axes in front, so that it has at least so many."""
    return array.reshape((1,) * (rank - array.ndim) + array.shape) if array.ndim < rank else array


def _aligned(reference: np.ndarray, port: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays with as many axes: unit axes behind the samples are dropped where one side has more, then put in."""
    rank = min(reference.ndim, port.ndim)

    def fewer(array: np.ndarray) -> np.ndarray:
        spare = [axis for axis in range(1, array.ndim) if array.shape[axis] == 1][: array.ndim - rank]
        return array.squeeze(tuple(spare))

    ours, theirs = fewer(reference), fewer(port)
    return _ranked(ours, theirs.ndim), _ranked(theirs, ours.ndim)
