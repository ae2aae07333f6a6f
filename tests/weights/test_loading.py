"""Files of weights into networks: strict, and in the right dialect."""

import keras
import numpy as np
import pytest
import small
from safetensors.numpy import save_file

import keras_senet
from keras_senet.models.families import NETWORKS


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    small.use(monkeypatch)


COUNTER = "bn1.num_batches_tracked"


def outputs(model):
    images = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype("float32")
    return keras.ops.convert_to_numpy(model(images, training=False))


def write(path, name, publisher="timm", change=dict, **arguments):
    """A model, and a file of its weights by the names of a publisher."""
    model = small.build(name, **arguments)
    save_file(change(small.state(name, model, publisher)), path)
    return model


@pytest.mark.parametrize(
    ("name", "publisher", "variant"),
    [
        ("se_resnet50", "timm", "pytorch"),
        ("se_resnet50", "cadene", "caffe"),
        ("se_resnet50", "mmpretrain", "pytorch"),
        ("se_resnext50", "timm", "pytorch"),
        ("senet154", "timm", "pytorch"),
        ("senet154", "cadene", "caffe"),
        ("se_resnet18", "timm", "pytorch"),
    ],
)
def test_names_tell_the_dialect(name, publisher, variant, tmp_path):
    source = write(tmp_path / "x.safetensors", name, publisher, variant=variant)
    model = NETWORKS[name](weights=tmp_path / "x.safetensors")
    assert model.get_layer("provenance").facts["variant"] == variant
    np.testing.assert_array_equal(outputs(model), outputs(source))
    other = {"pytorch": "caffe", "caffe": "pytorch"}[variant]
    with pytest.raises(ValueError, match=f"`variant` should be None or '{variant}'"):
        NETWORKS[name](weights=tmp_path / "x.safetensors", variant=other)


def test_legacy_basic_blocks_have_a_relu_before_se(tmp_path):
    write(tmp_path / "x.safetensors", "se_resnet18", "cadene")
    model = NETWORKS["se_resnet18"](weights=tmp_path / "x.safetensors")
    assert model.get_layer("stage2_block1_se_relu")
    assert model.get_layer("provenance").facts["relu_before"] is True
    model.save_weights(tmp_path / "x.weights.h5")
    again = NETWORKS["se_resnet18"](weights=tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(outputs(again), outputs(model))


def test_counters_of_torch_are_left_over_and_nothing_else(tmp_path):
    path = tmp_path / "x.safetensors"
    counter = np.array(100, "int64")
    write(
        path, "se_resnet50", change=lambda s: {**s, "bn1.num_batches_tracked": counter}
    )
    NETWORKS["se_resnet50"](weights=path)
    extra = np.ones(3, "float32")
    write(path, "se_resnet50", change=lambda s: {**s, "layer9.extra": extra})
    with pytest.raises(ValueError, match=r"not in the network: layer9\.extra"):
        NETWORKS["se_resnet50"](weights=path)


def without_bias(state):
    del state["layer2.0.bn1.bias"], state["layer2.0.conv2.weight"]
    return state


def transposed_kernel(state):
    state["conv1.weight"] = np.ascontiguousarray(state["conv1.weight"].swapaxes(0, 1))
    return state


def test_errors_list_both_sides_and_set_nothing(tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, "se_resnet50", change=without_bias)
    message = r"not in the file: layer2\.0\.bn1\.bias, layer2\.0\.conv2\.weight"
    with pytest.raises(ValueError, match=message) as caught:
        NETWORKS["se_resnet50"](weights=path)
    assert str(path) in str(caught.value)
    write(path, "se_resnet50", change=transposed_kernel)
    message = r"conv1\.weight \(3, 16, 7, 7\) for stem_conv/kernel \(7, 7, 3, 16\)"
    with pytest.raises(ValueError, match=message):
        NETWORKS["se_resnet50"](weights=path)
    unknown = {"a.weight": np.ones(2, "float32")}
    save_file(unknown, path)
    with pytest.raises(ValueError, match=r"with 1 tensors such as a\.weight"):
        NETWORKS["se_resnet50"](weights=path)


def test_other_heads(tmp_path):
    path = tmp_path / "x.safetensors"
    source = write(path, "se_resnet50")
    with pytest.raises(ValueError, match=r"fc\.weight.*skip_mismatch=True"):
        NETWORKS["se_resnet50"](weights=path, classes=10)
    with pytest.warns(UserWarning, match=r"Not loaded: predictions\."):
        model = NETWORKS["se_resnet50"](weights=path, classes=10, skip_mismatch=True)
    assert model.output_shape == (None, 10)
    features = [
        keras.Model(x.input, x.get_layer("avg_pool").output) for x in (source, model)
    ]
    np.testing.assert_array_equal(*map(outputs, features))
    backbone = NETWORKS["se_resnet50"](weights=path, include_top=False, pooling="avg")
    np.testing.assert_array_equal(outputs(backbone), outputs(features[0]))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("use_bias", False),
        ("squeeze", "max"),
        ("squeeze", None),
        ("gate_activation", "tanh"),
        ("se_placement", "post"),
    ],
)
def test_arguments_that_shapes_do_not_show_are_compared(argument, value, tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, "se_resnet50")
    with pytest.raises(ValueError, match=f"`{argument}` should be .*as in the network"):
        NETWORKS["se_resnet50"](weights=path, **{argument: value})


@pytest.mark.parametrize("arguments", [{"reduction": 8}, {"se_stages": (3,)}])
def test_arguments_that_shapes_and_names_show(arguments, tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, "se_resnet50")
    with pytest.raises(ValueError, match=r"tensor by tensor.*layer1\.0\.se"):
        NETWORKS["se_resnet50"](weights=path, **arguments)


def test_plain_networks_are_loaded_without_se(tmp_path):
    path = tmp_path / "x.safetensors"

    def plain(state):
        return {name: x for name, x in state.items() if ".se." not in name}

    write(path, "se_resnet50", change=plain)
    NETWORKS["se_resnet50"](weights=path, reduction=None)
    with pytest.raises(ValueError, match=r"not in the file: layer1\.0\.se\.fc1"):
        NETWORKS["se_resnet50"](weights=path)


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_files_of_ours_compare_facts(ending, tmp_path):
    path = tmp_path / f"x{ending}"
    source = small.build("se_resnet50", variant="caffe", squeeze="max", classes=7)
    source.get_layer("predictions").class_names = tuple("abcdefg")
    source.save(path) if ending == ".keras" else source.save_weights(path)
    model = NETWORKS["se_resnet50"](weights=path, squeeze="max", classes=7)
    np.testing.assert_array_equal(outputs(model), outputs(source))
    if ending == ".keras":
        assert model.get_layer("predictions").class_names == tuple("abcdefg")
    for arguments in ({}, {"squeeze": "max", "variant": "pytorch"}):
        with pytest.raises(ValueError, match="belong to the network as it is built"):
            NETWORKS["se_resnet50"](weights=path, classes=7, **arguments)
    features = NETWORKS["se_resnet50"](weights=path, squeeze="max", include_top=False)
    expected = keras.Model(source.input, source.get_layer("stage3_block1_out").output)
    np.testing.assert_array_equal(outputs(features), outputs(expected))


def test_a_network_inside_another_model_is_found(tmp_path):
    backbone = small.build("se_resnet50", include_top=False, pooling="avg")
    images = keras.Input((64, 64, 3))
    x = keras.layers.Dense(2)(backbone(keras.layers.Rescaling(1 / 255)(images)))
    keras.Model(images, x).save(tmp_path / "x.keras")
    again = NETWORKS["se_resnet50"](
        weights=tmp_path / "x.keras", include_top=False, pooling="avg"
    )
    np.testing.assert_array_equal(outputs(again), outputs(backbone))
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(
        tmp_path / "y.keras"
    )
    with pytest.raises(ValueError, match="should hold one network of this package"):
        NETWORKS["se_resnet50"](weights=tmp_path / "y.keras")


def test_layers_before_the_network_are_not_its_own(tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, "se_resnet50")
    images = keras.Input((64, 64, 3))
    colors = keras.layers.Conv2D(3, 1, name="colors")(images)
    model = NETWORKS["se_resnet50"](weights=path, input_tensor=colors)
    assert model.get_layer("colors") in model.layers
    with pytest.raises(ValueError, match=r"layers of (its|their) own|before"):
        keras_senet.preprocess_input(np.zeros((1, 64, 64, 3)), model)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("imagenet1k", "Did you mean|Known"),
        ("seresnet50", "Did you mean.*SE-ResNet-50"),
        ("legacy_seresnet101", "a checkpoint of se_resnet101"),
        ("", "`weights` should be"),
        ("hf://", "hf://"),
    ],
)
def test_unknown_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        NETWORKS["se_resnet50"](weights=weights)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ValueError, match="Received: the folder"):
        NETWORKS["se_resnet50"](weights=tmp_path)
    for path in (tmp_path / "none.pth", str(tmp_path / "none.weights.h5")):
        with pytest.raises(FileNotFoundError, match="There is no weights file"):
            NETWORKS["se_resnet50"](weights=path)


def test_published_weights_are_refused_before_anything_is_fetched():
    for arguments, message in (
        ({"classes": 10}, "`classes` should be 1000.*skip_mismatch=True"),
        ({"input_shape": (64, 64, 1)}, "adapt_input_channels"),
        ({"input_shape": (64, 64, 4), "include_top": False}, "adapt_input_channels"),
    ):
        with pytest.raises(ValueError, match=message):
            NETWORKS["se_resnet50"](weights="imagenet", **arguments)


def test_half_precision_files_become_the_same_numbers(tmp_path):
    path = tmp_path / "x.safetensors"

    def halved(state):
        return {name: x.astype("float16") for name, x in state.items()}

    write(path, "se_resnet50", change=halved)
    with_halves = NETWORKS["se_resnet50"](weights=path)
    kernel = small.build("se_resnet50").get_layer("stem_conv").kernel
    np.testing.assert_array_equal(
        with_halves.get_layer("stem_conv").kernel,
        np.asarray(kernel).astype("float16").astype("float32"),
    )
