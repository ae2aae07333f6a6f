import keras
from folded import folded_alike, kinds
from keras import layers
from seeded import seed_weights

from keras_senet.layers import ConstantGate


def test_constant_gates_are_folded():
    inputs = keras.Input((6, 6, 3))
    x = ConstantGate()(layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs)))
    x = ConstantGate()(layers.ReLU()(x))
    model = keras.Model(inputs, layers.Dense(5)(x))
    seed_weights(model)
    assert kinds(folded_alike(model)) == ["Conv2D", "ReLU", "Dense"]


def test_constant_gates_along_the_first_axis_that_stay():
    inputs = keras.Input((3, 6, 6))
    x = ConstantGate(data_format="channels_first")(layers.ReLU()(inputs))
    model = keras.Model(inputs, layers.ReLU()(x))
    seed_weights(model)
    assert kinds(folded_alike(model)) == ["ReLU", "ScaleAndShift", "ReLU"]
