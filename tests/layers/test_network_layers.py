import keras
import numpy as np
import pytest
from gradients import gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_senet.layers import ChannelShuffle, ImageSize, ShakeShake


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_shake_shake_mixes_each_image_and_backpropagates_another_mixture():
    ones, zeros = (
        keras.Variable(np.full((64, 3, 2, 5), value, "float32")) for value in (1, 0)
    )
    layer = ShakeShake(seed=3)
    shares = numpy(layer([ones, zeros], training=True))
    per_image = shares.reshape(64, -1)
    # What is left of the ones is the share of the first branch.
    assert (per_image == per_image[:, :1]).all()
    assert len(np.unique(per_image[:, 0])) == 64
    assert 0 <= per_image.min() < 0.1 < 0.9 < per_image.max() < 1

    # Another layer of this seed makes the same mixture.
    again = ShakeShake(seed=3)
    first, second = gradients(
        lambda: keras.ops.sum(again([ones, zeros], training=True)), [ones, zeros]
    )
    np.testing.assert_allclose(first + second, 1, atol=1e-6)
    first = first.reshape(64, -1)
    assert (first == first[:, :1]).all()
    # The correlation of 64 independent pairs stays below this with p > 0.999.
    assert abs(np.corrcoef(per_image[:, 0], first[:, 0])[0, 1]) < 0.45


def test_shake_shake_halves_at_inference():
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    layer = ShakeShake()
    np.testing.assert_allclose(numpy(layer([x, 3 * x])), 2 * x, rtol=1e-6)
    with pytest.raises(ValueError, match="two tensors of equal shape"):
        ShakeShake()([x, x[..., :2]])


@settings(max_examples=20, deadline=None)
@given(
    groups=st.integers(1, 5),
    width=st.integers(1, 5),
    side=st.integers(1, 4),
    channels_first=st.booleans(),
    known=st.booleans(),
)
def test_shuffle_is_a_transposition(groups, width, side, channels_first, known):
    channels = np.arange(groups * width)
    x = np.broadcast_to(channels, (2, side, 3, len(channels))).astype("float32")
    shape = (side, 3, len(channels)) if known else (None, None, len(channels))
    if channels_first:
        x, shape = x.transpose(0, 3, 1, 2), (shape[2], *shape[:2])
    layer = ChannelShuffle(
        groups, data_format="channels_first" if channels_first else "channels_last"
    )
    inputs = keras.Input(shape)
    outputs = layer(inputs)
    assert outputs.shape == (None, *shape)
    y = numpy(keras.Model(inputs, outputs)(x))
    if channels_first:
        y = y.transpose(0, 2, 3, 1)
    expected = channels.reshape(groups, width).T.ravel()
    np.testing.assert_array_equal(y, np.broadcast_to(expected, y.shape))


def test_shuffle_refuses_channels_that_do_not_divide():
    with pytest.raises(ValueError, match="multiple of groups=3"):
        ChannelShuffle(3)(np.zeros((1, 2, 2, 4)))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (ShakeShake(seed=5, name="mix"), [(2, 4, 4, 3), (2, 4, 4, 3)]),
        (ChannelShuffle(2, data_format="channels_first"), (2, 4, 3, 3)),
        (ImageSize(32, -1, 6, data_format="channels_first"), (2, 3, 31, 38)),
    ],
)
def test_round_trip(layer, shape):
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert copy.get_config() == layer.get_config()
    rng = np.random.default_rng(0)
    x = (
        [rng.normal(size=s) for s in shape]
        if isinstance(shape, list)
        else rng.normal(size=shape)
    )
    np.testing.assert_array_equal(numpy(copy(x)), numpy(layer(x)))
