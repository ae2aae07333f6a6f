import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.models.families import NETWORKS, SPECS

IMAGENET = [name for name, spec in SPECS.items() if spec.size > 32]
VALID_PADDED = {"se_inception_v3", "se_inception_resnet_v2"}


def backbone(name, shape):
    with keras.StatelessScope(initialize_variables=False):
        network = NETWORKS[name](weights=None, include_top=False, input_shape=shape)
        return keras_senet.endpoints(network)


@pytest.mark.parametrize("name", IMAGENET)
def test_strides(name):
    side = 299 if name in VALID_PADDED else 224
    outputs = backbone(name, (side, side, 3)).output
    assert list(outputs) == ["C2", "C3", "C4", "C5"]
    sides = [x.shape[1] for x in outputs.values()]
    # Szegedy et al. draw 71, 35, 17 and 8 for the networks without padding.
    assert sides == ([71, 35, 17, 8] if name in VALID_PADDED else [56, 28, 14, 7])
    known = [x.shape[-1] for x in outputs.values()]
    open_sizes = backbone(name, (None, None, 3)).output
    assert [x.shape for x in open_sizes.values()] == [
        (None, None, None, channels) for channels in known
    ]


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        # Conference paper, tables 1 and 3.
        ("se_resnet50", [256, 512, 1024, 2048]),
        ("senet154", [256, 512, 1024, 2048]),
        # The authors' definition: conv2, 3b, 4d, 5b.
        ("se_bn_inception", [192, 320, 608, 1024]),
        # Szegedy et al., 2015 and 2016.
        ("se_inception_v3", [192, 288, 768, 2048]),
        ("se_inception_resnet_v2", [192, 320, 1088, 1536]),
        # Simonyan and Zisserman; Howard et al.; Zhang et al., table 1.
        ("se_vgg16", [256, 512, 512, 512]),
        ("se_mobilenet", [128, 256, 512, 1024]),
        ("se_shufflenet", [24, 240, 480, 960]),
    ],
)
def test_channels(name, channels):
    outputs = backbone(name, (None, None, 3)).output
    assert [x.shape[-1] for x in outputs.values()] == channels


def test_values_are_those_of_the_network_behind_its_blocks(tmp_path):
    network = keras_senet.SEResNet18(
        weights=None, input_shape=(None, None, 3), se_placement="post", classes=3
    )
    network.save(tmp_path / "network.keras")
    reloaded = keras.models.load_model(tmp_path / "network.keras")
    x = np.random.default_rng(0).normal(size=(1, 40, 70, 3)).astype("float32")
    wanted = keras.Model(network.input, network.get_layer("stage4_block2_se").output)
    for model in (network, reloaded, keras.models.clone_model(network)):
        found = keras_senet.endpoints(model)
        if model is not reloaded:
            assert found.get_layer("stem_conv") is model.get_layer("stem_conv")
        assert found.output["C4"].shape == (None, None, None, 256)
    maps = keras_senet.endpoints(reloaded)(x)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(maps["C4"]),
        keras.ops.convert_to_numpy(wanted(x)),
        rtol=1e-5,
        atol=1e-6,
    )
    assert [tuple(m.shape[1:3]) for m in maps.values()] == [
        (10, 18),
        (5, 9),
        (3, 5),
        (2, 3),
    ]


def test_heads_of_ones_own_and_truncation():
    network = keras_senet.SEShuffleNet(
        include_top=False, input_shape=(64, 64, 3), pooling="avg"
    )
    x = keras.layers.Dense(3, name="stage5_head")(network.output)
    tuned = keras.Model(network.input, x)
    shapes = [m.shape[1:] for m in keras_senet.endpoints(tuned).output.values()]
    assert shapes == [(16, 16, 24), (8, 8, 240), (4, 4, 480), (2, 2, 960)]
    cut = keras.Model(network.input, network.get_layer("stage5_block1_out").output)
    with pytest.raises(ValueError, match=r"all of its stages.*stage5_block4_out"):
        keras_senet.endpoints(cut)


@pytest.mark.parametrize("se_stages", [None, (3, 4)])
@pytest.mark.parametrize("name", ["se_inception_v3", "se_vgg16", "se_resnet50"])
def test_without_some_or_all_of_the_blocks(name, se_stages):
    arguments = {"include_top": False, "input_shape": (None, None, 3)}
    chosen = {"reduction": None} if se_stages is None else {"se_stages": se_stages}
    with keras.StatelessScope(initialize_variables=False):
        network = NETWORKS[name](weights=None, **arguments, **chosen)
        full = NETWORKS[name](weights=None, **arguments)
        shapes = [
            [m.shape for m in keras_senet.endpoints(x).output.values()]
            for x in (network, full)
        ]
    assert shapes[0] == shapes[1]


def test_other_models_are_refused():
    with pytest.raises(ValueError, match=r"strides 4 to 32.* se_resnet20"):
        keras_senet.endpoints(keras_senet.SEResNet20())
    with pytest.raises(ValueError, match="Received: 'se_resnet50'"):
        keras_senet.endpoints("se_resnet50")
    x = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="ImageNet network of keras_senet"):
        keras_senet.endpoints(keras.Model(x, keras.layers.ReLU()(x), name="mine"))
