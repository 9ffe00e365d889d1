"""How each backend takes a computation's steps: compiled, on one device or on all that are in force."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_model.training.computation import Computation
from porting.port.side import array_of


class Runner(NamedTuple):
    """What a backend does with a batch, (streamline, point, coordinate).

    Attributes
    ----------
    step : callable
        (streamlines, whether gradients are wanted) -> figures, gradients; takes the step.
    reconstruct : callable
        streamlines -> latent codes, reconstructions, as arrays.
    """

    step: Callable[[np.ndarray, bool], tuple[dict[str, Any], list[Any]]]
    reconstruct: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _tensorflow_runner(computation: Computation, compiled: bool) -> Runner:
    """Each replica computes on its piece; losses and gradients are summed before anything is done with them."""
    import tensorflow as tf

    variables, strategy = computation.autoencoder.trainable_variables, tf.distribute.get_strategy()
    count = strategy.num_replicas_in_sync
    # XLA's float64 convolutions are plain loops on a CPU, twenty times as slow as TensorFlow's own.
    by_xla = computation.autoencoder.policy.compute_dtype != "float64"
    computation.optimiser.is_given_sums = True

    def compile_by(function: Callable, xla: bool) -> Any:
        return tf.function(function, jit_compile=xla) if compiled else function

    def differentiate(streamlines: Any, is_whole: bool) -> tuple[dict[str, Any], list[Any]]:
        with tf.GradientTape() as tape:
            loss, losses = computation.forward(streamlines, computation.shares(count, is_whole))
        return losses, tape.gradient(loss, [variable.value for variable in variables])

    computed = compile_by(differentiate, by_xla)

    def take(streamlines: Any, is_whole: bool, with_gradients: bool) -> tuple[dict[str, Any], list[Any]]:
        replica: Any = tf.distribute.get_replica_context()
        losses, gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, computed(streamlines, is_whole))
        figures = computation.figures(losses, gradients)
        computation.applied.apply(gradients, variables)
        return figures, gradients if with_gradients else []

    # Replicas exchange what XLA cannot: with several it compiles only what each does alone.
    run = compile_by(lambda *arguments: strategy.run(take, arguments), by_xla and count == 1)

    def step(streamlines: np.ndarray, with_gradients: bool) -> tuple[dict[str, Any], list[Any]]:
        pieces, is_whole = _pieces(streamlines, count, computation.groups)
        taken = run(_distribute(strategy, pieces), is_whole, with_gradients)
        return tf.nest.map_structure(lambda held: strategy.experimental_local_results(held)[0], taken)

    return Runner(step, _tensorflow_evaluation(computation, strategy, compile_by, by_xla))


def _tensorflow_evaluation(
    computation: Computation, strategy: Any, compile_by: Callable[[Callable, bool], Any], by_xla: bool
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """What reconstructs streamlines: each replica its piece."""
    count, reconstructed = strategy.num_replicas_in_sync, compile_by(computation.reconstruct, by_xla)

    def look(streamlines: Any) -> tuple[Any, Any]:
        return reconstructed(streamlines)  # `run` would compile what is compiled by XLA for one device of all

    reconstruct = compile_by(lambda pieces: strategy.run(look, (pieces,)), by_xla and count == 1)

    def evaluate(streamlines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pieces, is_whole = _pieces(streamlines, count, 1)
        found = reconstruct(_distribute(strategy, pieces))
        wanted = slice(1) if is_whole else slice(None)
        latent_codes, reconstructions = (
            np.concatenate([array_of(piece) for piece in strategy.experimental_local_results(held)[wanted]])
            for held in found
        )
        return latent_codes, reconstructions

    return evaluate


def _distribute(strategy: Any, pieces: list[np.ndarray]) -> Any:
    return strategy.experimental_distribute_values_from_function(
        lambda replica: ops.convert_to_tensor(pieces[replica.replica_id_in_sync_group])
    )


def _pieces(streamlines: np.ndarray, count: int, groups: int) -> tuple[list[np.ndarray], bool]:
    """An equal share of each group for each device; of a batch that has none, the whole, and whether it is that."""
    if len(streamlines) % (count * groups):
        return [streamlines] * count, True
    shared = streamlines.reshape(groups, count, -1, *streamlines.shape[1:])
    return [shared[:, number].reshape(-1, *streamlines.shape[1:]) for number in range(count)], False


def _jax_runner(computation: Computation, compiled: bool) -> Runner:
    """One program for all devices, which sees the whole batch: each device holds rows of it, and all parameters."""
    import jax

    variables, optimiser = computation.autoencoder.trainable_variables, computation.applied
    place, everywhere = _jax_placement(jax)

    def forward(values: list[Any], held: list[Any], streamlines: Any) -> tuple[Any, dict[str, Any]]:
        assigned = zip((*variables, *optimiser.variables), (*values, *held), strict=True)
        with keras.StatelessScope(state_mapping=list(assigned)):
            return computation.forward(streamlines)

    def pure(values: list[Any], held: list[Any], streamlines: Any, with_gradients: bool) -> tuple[Any, ...]:
        (_, losses), gradients = jax.value_and_grad(forward, has_aux=True)(values, held, streamlines)
        with keras.StatelessScope(state_mapping=list(zip(optimiser.variables, held, strict=True))):
            figures = computation.figures(losses, gradients)
        updated: Any = optimiser.stateless_apply(held, gradients, values)
        return *updated, figures, gradients if with_gradients else []

    def reconstruct(values: list[Any], streamlines: Any) -> tuple[Any, Any]:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return computation.reconstruct(streamlines)

    if compiled:
        pure = jax.jit(pure, static_argnums=3, out_shardings=everywhere)
        reconstruct = jax.jit(reconstruct, out_shardings=everywhere)

    def step(streamlines: np.ndarray, with_gradients: bool) -> tuple[dict[str, Any], list[Any]]:
        values, held = [variable.value for variable in variables], [variable.value for variable in optimiser.variables]
        values, held, figures, gradients = pure(values, held, place(streamlines), with_gradients)
        for variable, value in (*zip(variables, values, strict=True), *zip(optimiser.variables, held, strict=True)):
            variable.assign(value)
        return figures, gradients

    def evaluate(streamlines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        latent_codes, reconstructions = reconstruct([variable.value for variable in variables], place(streamlines))
        return array_of(latent_codes), array_of(reconstructions)

    return Runner(step, evaluate)


def _jax_placement(jax: Any) -> tuple[Callable[[np.ndarray], Any], Any]:
    """What puts a batch on the devices in force, and where results go: everywhere, so that each process has them."""
    distribution: Any = keras.distribution.distribution()
    if distribution is None:
        return lambda streamlines: streamlines, None
    mesh = distribution.device_mesh.backend_mesh
    by_rows, everywhere = (
        jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
        for axes in ((distribution.batch_dim_name,), ())
    )

    def place(streamlines: np.ndarray) -> Any:
        where = everywhere if len(streamlines) % mesh.size else by_rows
        return jax.make_array_from_callback(streamlines.shape, where, streamlines.__getitem__)

    return place, everywhere


def _torch_runner(computation: Computation, compiled: bool) -> Runner:
    import torch

    variables = computation.autoencoder.trainable_variables

    def step(streamlines: np.ndarray, with_gradients: bool) -> tuple[dict[str, Any], list[Any]]:
        values = [variable.value for variable in variables]
        with torch.enable_grad():
            loss, losses = computation.forward(ops.convert_to_tensor(streamlines))
            gradients = list(torch.autograd.grad(loss, values))
        with torch.no_grad():
            figures = computation.figures(losses, gradients)
            computation.applied.apply(gradients, variables)
        return figures, gradients if with_gradients else []

    def evaluate(streamlines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            latent_codes, reconstructions = computation.reconstruct(ops.convert_to_tensor(streamlines))
        return array_of(latent_codes), array_of(reconstructions)

    return Runner(step, evaluate)


RUNNERS: Mapping[str, Callable[[Computation, bool], Runner]] = {
    "tensorflow": _tensorflow_runner,
    "jax": _jax_runner,
    "torch": _torch_runner,
}
