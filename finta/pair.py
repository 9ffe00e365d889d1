"""The pair of FINTA autoencoders, as data."""

from collections.abc import Iterator
from pathlib import Path

from porting.errors import ProbeError
from porting.pairs.pair import ModelPair, OptimiserPair, Sizes, TrainingPair
from porting.probes import Probe, ProbeBatches, checked

STREAMLINES = "streamline coordinate point -> streamline point coordinate"


def read_probe(sizes: Sizes, file: Path | None, count: int) -> Probe:
    """Draw streamlines from HDF5 batches, each class as often as the others; the shipped ones if no file is given.

    Raises
    ------
    ProbeError
        If the file holds no batches, or streamlines of another number of points than the models take.
    """
    from finta.shipped import DIPY_BATCHES
    from tractography.batches.batches import draw_balanced
    from tractography.errors import BatchError
    from tractography.files.tractograms import resample

    point_count = sizes.get("point_count", 256)
    try:
        drawn = draw_balanced(file or DIPY_BATCHES, count)
    except BatchError as error:
        raise ProbeError(str(error)) from error
    except OSError as error:
        raise ProbeError(f"{file} cannot be read: {error}. Copy it or build it again.") from error
    labels = [f"{name} row {row}" for name, row in zip(drawn.classes, drawn.rows, strict=True)]
    if file is None and drawn.streamlines.shape[1] != point_count:
        return checked([resample(list(drawn.streamlines), point_count)], f"{drawn.source}, resampled", labels)
    if file is not None:
        _check_points(file, drawn.streamlines.shape[1], sizes)
    return checked([drawn.streamlines], drawn.source, labels)


def read_probe_batches(sizes: Sizes, file: Path, batch_size: int) -> ProbeBatches:
    """Read every streamline of every split of HDF5 batches, in the file's order.

    Raises
    ------
    ProbeError
        If the file holds no batches, or streamlines of another number of points than the models take, or NaN.
    """
    from tractography.batches.batches import inspect_batches, read_in_batches
    from tractography.errors import BatchError

    try:
        held = inspect_batches(file)
    except BatchError as error:
        raise ProbeError(str(error)) from error
    _check_points(file, held.point_count, sizes)

    def batches() -> Iterator[Probe]:
        for split in held.counts:
            for name, first, streamlines in read_in_batches(file, split, batch_size):
                labels = [f"{split}/{name} row {first + number}" for number in range(len(streamlines))]
                yield checked([streamlines], f"{file.name}, {split}/{name} from row {first}", labels)

    return ProbeBatches(sum(map(held.total, held.counts)), batches())


def _check_points(file: Path, held: int, sizes: Sizes) -> None:
    if held != (wanted := sizes.get("point_count", 256)):
        raise ProbeError(
            f"{file}: its streamlines have {held} points, the models take {wanted}.\n"
            f"Build batches that fit: finta batches build BUNDLE... --points {wanted}."
        )


FINTA = ModelPair(
    name="finta",
    reference="reference_torch.autoencoder:Autoencoder",
    port="keras_model.autoencoder:build_autoencoder",
    inputs=(STREAMLINES,),
    outputs={"reconstruction": STREAMLINES},
    probe=read_probe,
    probe_batches=read_probe_batches,
    reference_sizes="reference_torch.autoencoder:read_sizes",
    port_sizes="keras_model.autoencoder:read_sizes",
    units={"reconstruction": "mm"},
    landmarks={"fc1": "latent code"},
    training=TrainingPair(
        reference="reference_torch.trainer:Trainer",
        port="keras_model.training.trainer:Trainer",
        recipes=("original", "simple"),
        recipe="finta.training.trajectory:fit_recipe",
        batches="finta.training.trajectory:read_training_batches",
    ),
    optimiser=OptimiserPair(
        port="keras_model.optimisers.states:from_torch_settings",
        settings="keras_model.optimisers.states:torch_settings",
    ),
    demo="finta.demo:run_demo",
)
