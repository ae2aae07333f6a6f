"""Runs of .tflite files in LiteRT, and networks to write."""

import keras
import numpy as np
from seeded import seed_weights

import keras_senet
from keras_senet.layers.grouped_convolution import GroupedConv2D

DELEGATES = {True: "AUTO", False: "BUILTIN_WITHOUT_DEFAULT_DELEGATES"}


def interpreter(path, batch=1, *, xnnpack=True):
    """An interpreter whose input has the size of a batch."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    made = Interpreter(
        str(path), experimental_op_resolver_type=OpResolverType[DELEGATES[xnnpack]]
    )
    [images] = made.get_input_details()
    made.resize_tensor_input(images["index"], (batch, *images["shape"][1:]))
    made.allocate_tensors()
    return made


def answers(path, images, *, xnnpack=True):
    """What the file says to a batch of images."""
    made = interpreter(path, len(images), xnnpack=xnnpack)
    made.set_tensor(made.get_input_details()[0]["index"], images)
    made.invoke()
    return made.get_tensor(made.get_output_details()[0]["index"])


def difference(expected, answer):
    """The largest difference over the standard deviation."""
    return float(np.max(np.abs(expected - answer)) / np.std(expected))


def bottlenecks(groups=4, **arguments):
    """Two folded bottlenecks with SE, between a stem and a classifier.

    They are so wide that the converter does quantize their matrices.
    """
    images = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(64, 3, strides=2, padding="same")(images)
    for index in range(2):
        shortcut = x
        for layer in (
            keras.layers.Conv2D(16, 1, activation="relu"),
            GroupedConv2D(16, 3, padding="same", groups=groups, activation="relu"),
            keras.layers.Conv2D(64, 1),
            keras_senet.SqueezeExcite(4, name=f"se{index}", **arguments),
        ):
            x = layer(x)
        x = keras.layers.ReLU()(keras.layers.Add()([x, shortcut]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(5)(x))
    seed_weights(model)
    return model


def over(layer, shape=(4, 4, 2)):
    """A model of one layer."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))
