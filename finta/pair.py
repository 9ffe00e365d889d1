"""The pair of FINTA autoencoders, as data."""

from pathlib import Path

from porting.errors import ProbeError
from porting.pairs import ModelPair, Sizes
from porting.probes import Probe, checked

STREAMLINES = "streamline coordinate point -> streamline point coordinate"


def read_probe(sizes: Sizes, file: Path | None, count: int) -> Probe:
    """Draw streamlines from HDF5 batches, each class as often as the others; the shipped ones if no file is given.

    Raises
    ------
    ProbeError
        If the file holds no batches, or streamlines of another number of points than the models take.
    """
    from checkpoints import DIPY_BATCHES
    from tractography.batches import draw_balanced
    from tractography.errors import BatchError
    from tractography.tractograms import resample

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
    if drawn.streamlines.shape[1] != point_count:
        raise ProbeError(
            f"{file}: its streamlines have {drawn.streamlines.shape[1]} points, the models take {point_count}.\n"
            f"Build batches that fit: finta batches build BUNDLE... --points {point_count}."
        )
    return checked([drawn.streamlines], drawn.source, labels)


FINTA = ModelPair(
    name="finta",
    reference="reference_torch.autoencoder:Autoencoder",
    port="keras_model.autoencoder:build_autoencoder",
    inputs=(STREAMLINES,),
    outputs={"reconstruction": STREAMLINES},
    probe=read_probe,
    reference_sizes="reference_torch.autoencoder:read_sizes",
    port_sizes="keras_model.autoencoder:read_sizes",
    units={"reconstruction": "mm"},
    landmarks={"fc1": "latent code"},
    demo="finta.demo:run_demo",
)
