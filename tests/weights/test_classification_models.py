"""The package `image-classifiers` itself: its files, its functions, its catalog."""

import keras
import numpy as np
import pytest
from timm_reference import random_network
from weights import publishers

from keras_senet.models.families import NETWORKS
from keras_senet.preprocessing import preprocess_input
from keras_senet.weights.catalog import CHECKPOINTS

pytestmark = [
    pytest.mark.parity,
    pytest.mark.usefixtures("only_tensorflow", "timm"),
]

LIMIT = 1e-4
ROWS = {
    row.tag.removeprefix("qubvel_"): row
    for row in CHECKPOINTS
    if row.dialect == "qubvel"
}


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip("classification_models.tfkeras")


@pytest.mark.parametrize(
    ("name", "legacy"),
    [
        ("seresnet50", "legacy_seresnet50"),
        ("seresnext50", "legacy_seresnext50_32x4d"),
        pytest.param("senet154", "legacy_senet154", marks=pytest.mark.slow),
    ],
)
def test_files_and_functions(package, name, legacy, tmp_path):
    build = package.Classifiers.get(name)[0]
    theirs = build(input_shape=(None, None, 3), weights=None)
    published = publishers.qubvel(random_network(legacy, seed=7).state_dict())
    weighted = [layer for layer in theirs.layers if layer.weights]
    for layer, (kind, arrays) in zip(weighted, published, strict=True):
        assert layer.name.rstrip("_0123456789") == kind
        layer.set_weights(list(arrays.values()))
    theirs.save(tmp_path / "x.h5")
    build = NETWORKS[ROWS[name].network]
    common = {"classifier_activation": None, "input_shape": (None, None, 3)}
    with pytest.warns(UserWarning, match="pad the stem's pool"):
        ours = build(weights=tmp_path / "x.h5", **common)

    logits = weighted[-1].output
    pool = next(x for x in theirs.layers if isinstance(x, keras.layers.MaxPooling2D))
    padding = pool.input._keras_history.operation
    head = keras.Model(theirs.input, padding.input)
    tail = keras.Model(pool.output, logits)
    rng = np.random.default_rng(0)
    for size in ((224, 224), (197, 229)):
        images = rng.normal(size=(1, *size, 3)).astype("float32")
        # The authors' pool in the place of theirs, and nothing else.
        agrees(ours, images, tail(rounded_up(head(images))))
        if name != "seresnet50":
            # Here the other dialect is the package's own function.
            other = build(weights=None, variant="pytorch", **common)
            other.set_weights(ours.get_weights())
            agrees(other, images, keras.Model(theirs.input, logits)(images))


def rounded_up(x):
    from torch import tensor
    from torch.nn.functional import max_pool2d

    x = tensor(keras.ops.convert_to_numpy(x).transpose(0, 3, 1, 2))
    return max_pool2d(x, 3, 2, ceil_mode=True).numpy().transpose(0, 2, 3, 1)


def agrees(model, images, theirs):
    theirs = keras.ops.convert_to_numpy(theirs)
    ours = keras.ops.convert_to_numpy(model(images, training=False))
    error = np.abs(ours - theirs).max() / theirs.std()
    print(f"{model.name} at {images.shape[1:3]}: {error:.1e}")
    assert error < LIMIT


def test_the_catalog(package):
    from classification_models.weights import WEIGHTS_COLLECTION

    known = {x["name"]: x for x in WEIGHTS_COLLECTION if x["include_top"]}
    assert len(ROWS) == 6
    for name, row in ROWS.items():
        theirs = known[row.file]
        assert (theirs["model"], theirs["classes"]) == (name, row.classes)
        assert (row.url, row.hashes) == (theirs["url"], ("md5", theirs["md5"]))
        pixels = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3))
        expected = package.Classifiers.get(name)[1](pixels.copy())
        found = keras.ops.convert_to_numpy(preprocess_input(pixels, row))
        np.testing.assert_allclose(found, expected, atol=1e-5)
