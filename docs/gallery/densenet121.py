"""benchmarks.public.census:_of_torchvision('densenet121')

Written by Porting 0.2.0 from torch 2.13.0+cpu, for keras 3.15.1.
"""


# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import keras
from keras import layers, ops


def dense_layer(inputs, name):
    """torchvision.models.densenet._DenseLayer."""
    inputs = ops.concatenate(inputs, axis=-1)
    inputs = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm1")(inputs)
    inputs = ops.relu(inputs)
    inputs = layers.Conv2D(128, 1, use_bias=False, name=f"{name}_conv1")(inputs)
    new_features = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm2")(
        inputs
    )
    new_features = ops.relu(new_features)
    return layers.Conv2D(32, 3, padding="same", use_bias=False, name=f"{name}_conv2")(new_features)


def transition(x, num_output_features, name):
    """torchvision.models.densenet._Transition."""
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm")(x)
    x = ops.relu(x)
    x = layers.Conv2D(num_output_features, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2)(x)


def dense_block(init_features, num_layers, name):
    """torchvision.models.densenet._DenseBlock."""
    features = [init_features]
    for n in range(1, num_layers + 1):
        features.append(dense_layer(features, name=f"{name}_denselayer{n}"))
    return ops.concatenate(features, axis=-1)


def build():
    """The model, with weights drawn at random."""
    inputs = x = keras.Input((64, 64, 3), name="x")
    features = layers.ZeroPadding2D(3)(x)
    features = layers.Conv2D(64, 7, strides=2, use_bias=False, name="features_conv0")(features)
    features = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="features_norm0")(
        features
    )
    features = ops.relu(features)
    features = layers.ZeroPadding2D(1)(features)
    features = layers.MaxPooling2D(3, strides=2)(features)
    for n, (num_output_features, count) in enumerate(((128, 6), (256, 12), (512, 24)), 1):
        features = dense_block(features, count, name=f"features_denseblock{n}")
        features = transition(features, num_output_features, name=f"features_transition{n}")
    features = dense_block(features, 16, name="features_denseblock4")
    features = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="features_norm5")(
        features
    )
    out = ops.relu(features)
    out = layers.GlobalAveragePooling2D()(out)
    out = layers.Dense(1000, name="classifier")(out)
    return keras.Model(inputs, out, name="dense_net")
