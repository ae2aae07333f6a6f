import keras
import numpy as np
import pytest
from seeded import seed_weights

import keras_senet

APPLICATIONS = keras.applications


def outputs(model, x):
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        pytest.param("InceptionV3", (139, 160, 3), marks=pytest.mark.slow),
        pytest.param("InceptionResNetV2", (139, 160, 3), marks=pytest.mark.slow),
        ("MobileNet", (96, 128, 3)),
    ],
)
def test_plain_networks_equal_keras_applications(name, shape, include_top):
    if name == "MobileNet" and include_top:
        shape = (128, 128, 3)  # its own top wants squares
    arguments = {"weights": None, "input_shape": shape, "include_top": include_top}
    if include_top:
        arguments["classifier_activation"] = None
    source = getattr(APPLICATIONS, name)(**arguments)
    seed_weights(source)
    plain = getattr(keras_senet, f"SE{name}")(reduction=None, **arguments)
    keras_senet.transfer_weights(source, plain)
    x = np.random.default_rng(0).normal(size=(1, *shape)).astype("float32")
    expected = outputs(source, x)
    assert np.abs(outputs(plain, x) - expected).max() < 1e-5 * expected.std()

    with_se = getattr(keras_senet, f"SE{name}")(**arguments)
    blocks = [v for v in with_se.weights if "_se/" in v.path]
    before = [keras.ops.convert_to_numpy(v) for v in blocks]
    keras_senet.transfer_weights(source, with_se)
    for variable, value in zip(blocks, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    theirs = {w.path: w for w in plain.weights}
    for weight in with_se.weights:
        if "_se/" not in weight.path:
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(weight),
                keras.ops.convert_to_numpy(theirs[weight.path]),
            )


def test_between_placements_of_one_network():
    source = keras_senet.SEResNet20(se_placement="post", classes=3)
    model = keras_senet.SEResNet20(reduction=None, classes=3)
    keras_senet.transfer_weights(source, model)
    theirs = {w.path: w for w in source.weights}
    for weight in model.weights:
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(weight),
            keras.ops.convert_to_numpy(theirs[weight.path]),
        )


def test_dialects_and_look_alikes_are_refused():
    with keras.StatelessScope(initialize_variables=False):
        caffe, pytorch = (
            keras_senet.SEResNet50(weights=None, variant=variant)
            for variant in ("caffe", "pytorch")
        )
    with pytest.raises(ValueError, match=r"dialect.* in caffe and .* in pytorch"):
        keras_senet.transfer_weights(caffe, pytorch)
    x = keras.Input((9, 9, 4))
    layers = keras.layers
    for theirs, ours in (
        (layers.Conv2D(4, (1, 7)), layers.Conv2D(4, (7, 1))),
        (
            layers.BatchNormalization(center=False),
            layers.BatchNormalization(scale=False),
        ),
    ):
        with pytest.raises(ValueError, match="equal names and shapes"):
            keras_senet.transfer_weights(
                keras.Model(x, theirs(x)), keras.Model(x, ours(x))
            )


def test_training_one_network_leaves_the_other_alone():
    source = keras_senet.SEResNet20(classes=3, reduction=None)
    model = keras_senet.SEResNet20(classes=3)
    keras_senet.transfer_weights(source, model)
    x = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype("float32")
    expected = outputs(source, x)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(x, np.arange(4) % 3, batch_size=4, epochs=1, verbose=0)
    np.testing.assert_array_equal(outputs(source, x), expected)


def test_other_topologies_and_shapes_are_refused_before_anything_is_copied():
    model = keras_senet.SEResNet20(classes=3)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"same topology.* 67 .* 43 layers"):
        keras_senet.transfer_weights(keras_senet.SEResNet32(), model)
    with pytest.raises(ValueError, match=r"predictions with .*10.* predictions with"):
        keras_senet.transfer_weights(keras_senet.SEResNet20(), model)
    with pytest.raises(ValueError, match="should be functional Keras models"):
        keras_senet.transfer_weights(keras.layers.Dense(1), model)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
