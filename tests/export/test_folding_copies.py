import json

import keras
import numpy as np
import pytest
from folded import answers, difference, folded_alike, kinds, nested_model, seeded
from keras import layers

from keras_senet.export.folding import count_operations, fold
from keras_senet.layers import GroupedConv2D, SqueezeExcite


def test_the_old_model_stays_as_it_is():
    model = nested_model()
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    config = json.dumps(model.get_config(), default=str, sort_keys=True)
    weights, output = model.get_weights(), answers(model, x)
    folded = fold(model)
    for weight in folded.weights:
        weight.assign(weight * 0)
    assert json.dumps(model.get_config(), default=str, sort_keys=True) == config
    for before, after in zip(weights, model.get_weights(), strict=True):
        assert np.array_equal(before, after)
    assert np.array_equal(answers(model, x), output)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_other_precisions_become_float32(policy):
    def build():
        inputs = keras.Input((8, 8, 3))
        x = layers.Normalization(mean=[1, 2, 3], variance=[2, 3, 4])(inputs)
        x = layers.BatchNormalization()(layers.Conv2D(8, 3)(x))
        x = layers.BatchNormalization()(layers.ReLU()(SqueezeExcite(2)(x)))
        x = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x))
        return seeded(inputs, layers.Activation("linear", dtype="float32")(x))

    keras.config.set_dtype_policy(policy)
    model = build()
    keras.config.set_dtype_policy("float32")
    twin = build()
    twin.set_weights([np.float32(w) for w in model.get_weights()])
    folded = fold(model)
    assert {layer.compute_dtype for layer in folded.layers} == {"float32"}
    assert {weight.dtype for weight in folded.weights} == {"float32"}
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    assert difference(twin, folded, x) <= 1e-5
    assert difference(model, folded, x) > 1e-4


def test_layers_of_ones_own_stay():
    @keras.saving.register_keras_serializable("tests")
    class Half(layers.Layer):
        def build(self, input_shape):
            self.half = self.add_weight(shape=(), initializer="ones")

        def call(self, inputs):
            return inputs * self.half

    class Odd(layers.Layer):
        def __init__(self, argument):
            super().__init__()
            self.argument = argument

        def call(self, inputs):
            return inputs + 1

        def get_config(self):
            return {}

    inputs = keras.Input((4,))
    odd = Odd(1)
    x = odd(Half(name="half")(layers.Dropout(0.1)(inputs)))
    x = layers.Dense(3, activation=lambda x: x * x)(layers.Lambda(lambda x: x * 2)(x))
    model = seeded(inputs, x)
    folded = folded_alike(model)
    assert folded.get_layer("half") is not model.get_layer("half")
    # It cannot be copied.
    assert odd in folded.layers


def test_adapters_of_low_rank_are_merged():
    inputs = keras.Input((4, 4, 3))
    convolution = layers.Conv2D(4, 3)
    model = keras.Model(inputs, layers.BatchNormalization()(convolution(inputs)))
    convolution.enable_lora(2)
    for weight in model.weights:
        weight.assign(weight + 0.1)
    assert len(folded_alike(model).weights) == 2


def test_grouped_convolutions_of_keras_become_ours():
    inputs = keras.Input((4, 4, 4))
    model = seeded(inputs, layers.Conv2D(4, 3, groups=2, name="grouped")(inputs))
    (layer,) = folded_alike(model).layers[1:]
    assert type(layer) is GroupedConv2D and layer.name == "grouped"


def test_regularization_is_gone():
    inputs = keras.Input((4,))
    settings = {"kernel_regularizer": "l2", "activity_regularizer": "l2"}
    x = layers.PReLU(alpha_regularizer="l2")(layers.Dense(3, **settings)(inputs))
    model = seeded(inputs, layers.ActivityRegularization(l2=0.1)(x))
    model(np.ones((1, 4)))
    assert len(model.losses) == 4
    folded = fold(model)
    folded(np.ones((1, 4)))
    assert folded.losses == []


def test_a_model_without_a_known_graph_is_returned():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    model = Own()
    assert fold(model) is model
    assert count_operations(model) == 1


def test_folding_twice_changes_nothing_and_files_hold_the_result(tmp_path):
    folded = fold(nested_model())
    again = folded_alike(folded)
    assert kinds(again) == kinds(folded)
    folded.save(tmp_path / "folded.keras")
    loaded = keras.models.load_model(tmp_path / "folded.keras")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    assert np.array_equal(answers(loaded, x), answers(folded, x))
