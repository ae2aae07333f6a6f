"""Blocks in the networks of `keras.applications`: what is kept, learned, exported."""

import keras
import numpy as np
import pytest
from test_insertion import blocks

from keras_senet.layers import GroupedConv2D
from keras_senet.models.insertion import insert_squeeze_excite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.export,
    pytest.mark.usefixtures("only_tensorflow"),
]
# The network, where blocks go, the side of its images, how many sums or modules the
# papers' tables and figures give it.
NETWORKS = [
    ("ResNet50V2", "residual_branches", 64, 3 + 4 + 6 + 3),
    ("MobileNetV2", "residual_branches", 64, 1 + 2 + 3 + 2 + 2),
    ("Xception", "residual_branches", 75, 3 + 8 + 1),
    ("EfficientNetB0", "residual_branches", 64, 1 + 1 + 2 + 2 + 3),
    ("ConvNeXtTiny", "residual_branches", 64, 3 + 3 + 9 + 3),
    ("DenseNet121", "concatenations", 64, 6 + 12 + 24 + 16),
    ("InceptionV3", "concatenations", 75, 3 + 5 + 3),
]


def natural(model, x):
    """Gives a fresh network signals and statistics like those of a trained one."""
    draw = np.random.default_rng(0)
    normalized = keras.layers.BatchNormalization
    for layer in model.layers:
        # Scales of layers among them, which begin at 1e-6 in ConvNeXt.
        if not isinstance(layer, (normalized, keras.layers.Normalization)):
            for weight in layer.weights:
                if len(weight.shape) == 1:
                    weight.assign(draw.uniform(0.2, 1.0, weight.shape))
    momenta = {x: x.momentum for x in model.layers if isinstance(x, normalized)}
    for layer in momenta:
        layer.momentum = 0.0
    model(x, training=True)
    for layer, momentum in momenta.items():
        layer.momentum = momentum
        for weight in layer.weights:
            shift = draw.uniform(0.8, 1.2, weight.shape)
            weight.assign(keras.ops.convert_to_numpy(weight) * shift)
    return model


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda row: row[0])
def case(request):
    name, rule, side, count = request.param
    keras.utils.set_random_seed(0)
    make = getattr(keras.applications, name)
    model = make(weights=None, input_shape=(side, side, 3), classes=10)
    draw = np.random.default_rng(3)
    shape = (8, side, side, 3)
    x = draw.uniform(0, 1, size=(8, 4, 4, 3)).repeat(side // 4 + 1, 1)
    x = x.repeat(side // 4 + 1, 2)[:, :side, :side] + draw.normal(0, 0.1, size=shape)
    # These two scale pixels themselves.
    x = x * 255 if name.startswith(("Eff", "Conv")) else x * 2 - 1
    model = natural(model, x.astype("float32"))
    return model, insert_squeeze_excite(model, rule), x.astype("float32"), count


def answers(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def test_outputs_and_weights_are_kept(case):
    model, network, x, count = case
    assert len(blocks(network)) == count
    expected = answers(model, x)
    assert expected.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(
        answers(network, x), expected, rtol=0, atol=1e-6 * expected.max()
    )
    for layer in model.layers:
        for old, new in zip(
            layer.get_weights(),
            network.get_layer(layer.name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(old, new)


def test_files_and_onnx(case, tmp_path):
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    _, network, x, _ = case
    draw = np.random.default_rng(4)
    for name in blocks(network):
        bias = network.get_layer(name).expand_bias
        bias.assign(draw.uniform(-0.5, 0.5, bias.shape))
    expected = answers(network, x)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(answers(loaded, x), expected)

    network = convertible(network)
    # Not from_function: it makes inputs of the constants of a Normalization.
    signature = [tf.TensorSpec((None, *x.shape[1:]), tf.float32, name="images")]
    proto, _ = tf2onnx.convert.from_keras(network, signature, opset=17)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (got,) = session.run(None, {"images": x})
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4 * expected.max())


def convertible(network):
    """The network, with grouped convolutions and GELU that tf2onnx understands."""

    def gelu(x):
        return 0.5 * x * (1 + keras.ops.erf(x / np.sqrt(2).astype("float32")))

    def clone(layer):
        config = layer.get_config()
        if config.get("activation") == "gelu":
            return keras.layers.Activation(gelu, name=layer.name)
        grouped = type(layer) is keras.layers.Conv2D and layer.groups > 1
        return (GroupedConv2D if grouped else type(layer)).from_config(config)

    copy = keras.models.clone_model(network, clone_function=clone)
    for old, new in zip(network.layers, copy.layers, strict=True):
        new.set_weights(old.get_weights())
        if hasattr(new, "finalize_state"):
            new.finalize_state()
    return copy


def test_every_block_learns(case):
    model, _, x, _ = case
    rule = next(
        row[1] for row in NETWORKS if row[0].lower() in model.name.replace("_", "")
    )
    network = insert_squeeze_excite(model, rule)
    weights = [w for name in blocks(network) for w in network.get_layer(name).weights]
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in weights]
    network.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")

    def moved():
        return [
            (keras.ops.convert_to_numpy(weight) != old).mean()
            for weight, old in zip(weights, before, strict=True)
        ]

    y = np.arange(len(x))
    network.train_on_batch(x, y)
    # The hidden weights wait for the others, which are zero.
    assert all(share > 0 for share in moved()[2::4] + moved()[3::4])
    for _ in range(4):
        network.train_on_batch(x, y)
    shares = moved()
    # Hidden biases are near one, where steps of less than 6e-8 are lost.
    assert min(shares[1::4]) > 0
    assert min(shares[0::4] + shares[2::4] + shares[3::4]) > 0.9
