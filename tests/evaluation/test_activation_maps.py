import keras
import numpy as np
import pytest
import tensorflow as tf
from drawn import figures, misplaced
from pictures import photograph

import keras_senet
from keras_senet.errors import InputError
from keras_senet.evaluation.activation_maps import grad_cam, photo_gates, resize_map
from keras_senet.evaluation.photograph import draw_photograph

pytestmark = pytest.mark.usefixtures("only_tensorflow")


def scaled(found):
    found = np.maximum(found, 0)
    return found / (found.max() or 1)


def classifier(activation=None, data_format="channels_last"):
    """A convolution, the mean over positions and a dense layer."""
    first = data_format == "channels_first"
    inputs = keras.Input((3, 6, 7) if first else (6, 7, 3))
    maps = keras.layers.Conv2D(5, 3, data_format=data_format, name="conv")(inputs)
    maps = keras.layers.ReLU(name="maps")(maps)
    x = keras.layers.GlobalAveragePooling2D(data_format=data_format)(maps)
    x = keras.layers.Dense(4, activation=activation, name="head")(x)
    return keras.Model(inputs, x)


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(6, 7, 3)).astype("float32")


@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid"])
def test_equals_the_map_of_zhou_where_that_exists(activation, image):
    """With a mean and a dense layer, the derivative is the weight over positions."""
    model = classifier(activation)
    head = model.get_layer("head")
    kernel, bias = head.get_weights()
    # A class that nothing speaks for, and a certain one, whose probability is flat.
    kernel[:, 2], bias[3] = -np.abs(kernel[:, 2]), 200.0
    head.set_weights([kernel, bias])
    maps = keras.Model(model.input, model.get_layer("maps").output)
    maps = maps.predict_on_batch(image[np.newaxis])[0].astype("float64")
    for index in range(4):
        expected = scaled(maps @ kernel[:, index])
        found = grad_cam(model, image, class_index=index)
        assert found.shape == (4, 5)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not grad_cam(model, image, class_index=2).any()
    several = grad_cam(model, image, class_index=[3, 0])
    np.testing.assert_array_equal(several[0], grad_cam(model, image))
    np.testing.assert_array_equal(several[1], grad_cam(model, image, class_index=0))


@pytest.mark.parametrize(
    "head",
    [
        [keras.layers.Softmax],
        [lambda: keras.layers.Activation("softmax")],
        [
            lambda: keras.layers.Activation("softmax"),
            lambda: keras.layers.Activation("linear", dtype="float32"),
        ],
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_the_score_is_that_before_the_softmax(head, nested, image):
    plain = classifier()
    x = plain.output
    for layer in head:
        x = layer()(x)
    model = keras.Model(plain.input, x)
    if nested:
        inputs = keras.Input((6, 7, 3))
        model = keras.Model(inputs, model(inputs))
    for index in range(4):
        np.testing.assert_allclose(
            grad_cam(model, image, class_index=index),
            grad_cam(plain, image, class_index=index),
            atol=1e-6,
        )


def test_finite_differences_through_a_squeeze_and_excitation_block(image):
    keras.config.set_dtype_policy("float64")
    inputs = keras.Input((6, 7, 3), dtype="float64")
    tail_inputs = keras.Input((4, 5, 4), dtype="float64")
    conv = keras.layers.Conv2D(4, 3, activation="tanh", name="conv")
    tail = [
        keras_senet.SqueezeExcite(2, bias_initializer="ones", name="se"),
        keras.layers.Conv2D(6, 2, activation="tanh", name="after"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, name="head"),
    ]
    x, y = conv(inputs), tail_inputs
    for layer in tail:
        x, y = layer(x), layer(y)
    model = keras.Model(inputs, keras.layers.Softmax()(x))
    score = keras.Model(tail_inputs, y)
    maps = keras.Model(inputs, conv.output).predict_on_batch(image[np.newaxis])
    steps = 1e-5 * np.eye(maps.size).reshape(-1, *maps.shape[1:])
    rise = score.predict_on_batch(maps + steps) - score.predict_on_batch(maps - steps)
    slopes = rise.reshape(4, 5, 4, 3) / 2e-5
    for index in range(3):
        weights = slopes[..., index].mean(axis=(0, 1))
        found = grad_cam(model, image, class_index=index, layer="conv")
        assert np.abs(weights).max() > 1e-4
        np.testing.assert_allclose(found, scaled(maps[0] @ weights), atol=1e-6)


@pytest.mark.parametrize("place", [(4, 4), (4, 40), (30, 18), (44, 44)])
def test_a_bright_patch_lights_up(place):
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(2, 5, strides=2, padding="same", name="sum")(inputs)
    x = keras_senet.SqueezeExcite(1, name="se")(keras.layers.ReLU()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax", name="head")(x))
    # The first channel sees light, the second one darkness.
    kernel = np.ones((5, 5, 3, 2)) / 75
    kernel[..., 1] *= -1
    model.get_layer("sum").set_weights([kernel, np.array([-100.0, 100.0])])
    model.get_layer("head").set_weights([np.eye(2), np.zeros(2)])
    image = np.random.default_rng(0).uniform(0, 60, (64, 64, 3)).astype("float32")
    top, left = place
    image[top : top + 16, left : left + 16] = 250
    bright = resize_map(grad_cam(model, image, class_index=0), (64, 64))
    inner = np.zeros((64, 64), bool)
    inner[top + 4 : top + 12, left + 4 : left + 12] = True
    assert bright[inner].min() > 0.95
    inner[max(0, top - 4) : top + 20, max(0, left - 4) : left + 20] = True
    assert bright[~inner].max() == 0
    dark = resize_map(grad_cam(model, image, class_index=1), (64, 64))
    assert dark[top + 4 : top + 12, left + 4 : left + 12].max() == 0


def test_nested_networks_are_seen_through():
    network = keras_senet.SEResNet20()
    body = keras_senet.SEResNet20(include_top=False, pooling="avg", name="body")
    trunk = keras_senet.SEResNet20(include_top=False, name="trunk")
    for part in (body, trunk):
        for layer in filter(lambda layer: layer.weights, part.layers):
            layer.set_weights(network.get_layer(layer.name).get_weights())
    head = network.get_layer("predictions")
    pixels = keras.Input((32, 32, 3))
    halved = keras.layers.Rescaling(0.5)(pixels)
    pooled = keras.layers.GlobalAveragePooling2D()(trunk(halved))
    models = {
        f"{network.name}/": keras.Model(pixels, network(halved)),
        "body/": keras.Model(pixels, head(body(halved))),
        # With a head that is nested, too, and has no maps.
        "trunk/": keras.Model(
            pixels, keras.Sequential([keras.Input((64,)), head])(pooled)
        ),
    }
    image = np.random.default_rng(0).normal(size=(32, 32, 3)).astype("float32")
    expected = grad_cam(network, image, class_index=[0, 7])
    assert expected.shape == (2, 8, 8) and expected.max(axis=(1, 2)).tolist() == [1, 1]
    block = "stage3_block3_out"
    inner = grad_cam(network, image, class_index=1, layer=block)
    assert inner.shape == (16, 16)
    for prefix, model in models.items():
        found = grad_cam(model, 2 * image, class_index=[0, 7])
        np.testing.assert_allclose(found, expected, atol=1e-4)
        found = grad_cam(model, 2 * image, class_index=1, layer=prefix + block)
        np.testing.assert_allclose(found, inner, atol=1e-4)


def test_channels_first(image):
    last, first = classifier("softmax"), classifier("softmax", "channels_first")
    first.set_weights(last.get_weights())
    found = grad_cam(first, np.moveaxis(image, -1, 0), class_index=[0, 1, 2, 3])
    expected = grad_cam(last, image, class_index=[0, 1, 2, 3])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sizes_are_free_and_maps_of_one_position_are_none():
    """A pooling that keeps its axes does not hide the feature map before it."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = keras.layers.Conv2D(3, 1)(x)
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(x)))
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), "uint8")
    assert grad_cam(model, pixels, class_index=0).shape == (7, 10)


def test_refuses_in_words(image):
    model = classifier("softmax")
    for wrong in (-1, 4):
        with pytest.raises(
            ValueError, match=f"from 0 to 3. Received: class_index={wrong}"
        ):
            grad_cam(model, image, class_index=wrong)
    with pytest.raises(ValueError, match=r"shape \(6, 7, 3\). .* shape \(1, 6, 7, 3\)"):
        grad_cam(model, image[np.newaxis])
    with pytest.raises(InputError, match=r"no feature map 'map'\. Did you mean maps"):
        grad_cam(model, image, layer="map")
    with pytest.raises(ValueError, match="functional Keras model"):
        grad_cam("resnet", image)
    inputs = keras.Input((6, 7, 3))
    dense = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
    with pytest.raises(ValueError, match="more than one position"):
        grad_cam(keras.Model(inputs, dense), image)
    maps = keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))
    with pytest.raises(ValueError, match=r"an output of shape \(batch, classes\)"):
        grad_cam(maps, image)
    side = keras.layers.Conv2D(2, 3, name="side")(inputs)
    both = keras.layers.Dense(2)(keras.layers.Flatten()(side * 0))
    assert not grad_cam(keras.Model(inputs, both), image, layer="side").any()


def test_resized_maps_are_bilinear():
    found = np.random.default_rng(0).uniform(size=(7, 5)).astype("float32")
    resized = resize_map(found, (224, 160))
    expected = tf.image.resize(found[..., np.newaxis], (224, 160))[..., 0]
    np.testing.assert_allclose(resized, expected, atol=1e-5)


def test_gates_of_one_photograph():
    network = keras_senet.SEResNet20()
    image = np.random.default_rng(0).normal(size=(32, 32, 3)).astype("float32")
    found = photo_gates(network, image)
    expected = keras_senet.gates(network)(image[np.newaxis])
    assert list(found) == list(expected)
    for name, gate in expected.items():
        np.testing.assert_allclose(found[name], gate[0], atol=1e-6)
    (name,) = photo_gates(network, image, ["stage4_block1_se"])
    assert name == "stage4_block1_se"


@pytest.mark.parametrize("reference", [False, True])
def test_a_picture_that_explains(reference, monkeypatch, tmp_path):
    drawn = figures(monkeypatch)
    pixels = photograph(224, 160)
    random = np.random.default_rng(0)
    gates = {f"stage2_block{x}_se": random.uniform(size=256) for x in (1, 2)}
    mean = {name: gate - 0.25 for name, gate in gates.items()}
    draw_photograph(
        tmp_path / "explanation.png",
        pixels,
        random.uniform(size=(2, 7, 7)),
        gates,
        classes=[("great white shark", 0.873), ("a" * 40, 0.0001)],
        reference=mean if reference else None,
        title="a title",
    )
    (figure,) = drawn
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[:3] == [
        "photograph",
        "great white shark\n87.3 %",
        f"{'a' * 27}…\n< 0.1 %",
    ]
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(shown[0], pixels)
    strips = [np.asarray(x)[0] for x in shown if len(x) == 1]
    assert len(strips) == (4 if reference else 2)
    sample = np.linspace(0, 255, 100).round().astype(int)
    np.testing.assert_array_equal(strips[0], gates["stage2_block1_se"][sample])
    if reference:
        np.testing.assert_allclose(np.concatenate(strips[2 - 1 :: 2]), 0.25)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert "SE_2_1\n100 of 256" in labels
    assert not misplaced(figure)


def test_a_picture_of_a_gray_image_without_gates(monkeypatch, tmp_path):
    drawn = figures(monkeypatch)
    gray = np.full((8, 8, 1), 127.4)
    draw_photograph(
        tmp_path / "gray.png", gray, np.zeros((1, 2, 2)), classes=[("one", 1.0)]
    )
    np.testing.assert_array_equal(
        drawn[0].axes[0].images[0].get_array(), np.full((8, 8, 3), 127)
    )
    with pytest.raises(ValueError, match="one length"):
        draw_photograph(tmp_path / "x.png", gray, [], classes=[])
    with pytest.raises(ValueError, match="one or three channels"):
        draw_photograph(
            tmp_path / "x.png", gray[0], np.zeros((1, 2, 2)), classes=[("one", 1.0)]
        )
    assert [path.name for path in tmp_path.iterdir()] == ["gray.png"]
