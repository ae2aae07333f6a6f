import keras
import pytest

import keras_senet


def test_by_hand():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)  # 8*8 * 3*3*3*8
    x = keras_senet.SqueezeExcite(4)(x)  # 2 * 8*2
    x = keras.layers.GlobalAveragePooling2D()(x)
    inner = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5)])  # 8*5
    model = keras.Model(inputs, inner(x))
    assert keras_senet.count_macs(model, (8, 8, 3)) == 64 * 216 + 32 + 40
    with pytest.raises(ValueError, match="sizes that the model leaves open"):
        keras_senet.count_macs(model)


def test_a_gate_for_every_position():
    inputs = keras.Input((4, 4, 8))
    model = keras.Model(inputs, keras_senet.SqueezeExcite(4, squeeze=None)(inputs))
    assert keras_senet.count_macs(model) == 16 * 32


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("SEResNet50", 7.874e9),
        ("SEResNeXt50", 8.634e9),
        ("SENet154", 42.212e9),
    ],
)
def test_published_at_320(name, macs):
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(keras_senet, name)(
            weights=None, variant="caffe", input_shape=(320, 320, 3)
        )
        assert keras_senet.count_macs(model) == pytest.approx(macs, abs=5e5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_depthwise_and_separable_convolutions(data_format):
    if data_format == "channels_first" and keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has no such depthwise convolution on the CPU")
    inputs = keras.Input((9, 9, 3) if data_format == "channels_last" else (3, 9, 9))
    x = keras.layers.DepthwiseConv2D(
        3, strides=2, depth_multiplier=2, data_format=data_format
    )(inputs)  # 4*4 * 3*3*3*2
    x = keras.layers.SeparableConv2D(5, 3, padding="same", data_format=data_format)(
        x
    )  # 4*4 * (3*3*6 + 6*5)
    model = keras.Model(inputs, x)
    assert keras_senet.count_macs(model) == 16 * 54 + 16 * (54 + 30)


def test_published_mobilenets():
    # Table 8 of Howard et al. (2017), table 3 of Sandler et al. (2018).
    for name, published in (("MobileNet", 569e6), ("MobileNetV2", 300e6)):
        with keras.StatelessScope(initialize_variables=False):
            model = getattr(keras.applications, name)(weights=None)
            assert keras_senet.count_macs(model) == pytest.approx(published, rel=0.01)


def test_unknown_layers_are_refused():
    inputs = keras.Input((4, 8))
    model = keras.Model(inputs, keras.layers.LSTM(3)(inputs))
    with pytest.raises(ValueError, match="LSTM cannot be counted"):
        keras_senet.count_macs(model)


def test_other_things_than_a_model_of_one_input_are_refused():
    x, y = keras.Input((4,)), keras.Input((4,))
    two = keras.Model([x, y], keras.layers.Add()([x, y]))
    for model in (two, "se_resnet50", keras.Sequential([keras.layers.Dense(2)])):
        with pytest.raises(ValueError, match="with one input"):
            keras_senet.count_macs(model)
