"""Two layers that Keras does not have: reflection padding and linear upsampling along the points."""

import keras
from keras import ops

PACKAGE = "keras_model"


@keras.saving.register_keras_serializable(PACKAGE)
class ReflectionPadding1D(keras.layers.Layer):
    """Mirror the points next to either end beyond it; the end itself is not repeated.

    Same values as ``torch.nn.ReflectionPad1d(padding)``.

    (streamline, point, channel) -> (streamline, padding + point + padding, channel)

    Parameters
    ----------
    padding : int
        Points to add at either end; fewer than the streamline has.

    Raises
    ------
    ValueError
        If the streamline has too few points to mirror.
    """

    def __init__(self, padding: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.padding = padding

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that there are enough points to mirror."""
        point_count = input_shape[1]
        if point_count is not None and point_count <= self.padding:
            raise ValueError(f"cannot reflect {self.padding} points of a streamline of {point_count}")

    def call(self, inputs):
        """Pad the point axis."""
        return ops.pad(inputs, ((0, 0), (self.padding, self.padding), (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape after padding."""
        streamlines, points, channels = input_shape
        return (streamlines, None if points is None else points + 2 * self.padding, channels)

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable(PACKAGE)
class LinearUpsampling1D(keras.layers.Layer):
    """Double the number of points by linear interpolation.

    Same values as ``torch.nn.Upsample(scale_factor=2, mode="linear", align_corners=False)``:
    new points sit a quarter step either side of the old ones, and the ends repeat.

    (streamline, point, channel) -> (streamline, 2 point, channel)
    """

    def call(self, inputs):
        """out[2i] = .25 x[i-1] + .75 x[i]; out[2i+1] = .75 x[i] + .25 x[i+1]; indices clamped at the ends."""
        before = ops.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1)
        after = ops.concatenate([inputs[:, 1:], inputs[:, -1:]], axis=1)
        pairs = ops.stack([0.25 * before + 0.75 * inputs, 0.75 * inputs + 0.25 * after], axis=2)
        return ops.reshape(pairs, (-1, 2 * inputs.shape[1], inputs.shape[2]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape after doubling the points."""
        streamlines, points, channels = input_shape
        return (streamlines, None if points is None else 2 * points, channels)

    def get_config(self) -> dict:
        """What ``from_config`` needs; Keras' own guess fails where the dtype was given as a policy."""
        return super().get_config()
