import os
from dataclasses import replace

import keras
import numpy as np
import pytest
import timm_reference

from keras_senet.models import application, families

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("only_tensorflow")]
# Where timm must be there, its absence is a failure: KERAS_SENET_REQUIRE_TIMM=1.
REQUIRED = os.environ.get("KERAS_SENET_REQUIRE_TIMM") == "1"

# An epsilon of 1.001e-5 shows at 1e-5, any real mistake above 1e-2.
LIMIT = 1e-4
NETWORKS = [
    ("se_resnet50", "pytorch", "seresnet50"),
    ("se_resnet50", "caffe", "legacy_seresnet50"),
    ("se_resnext50", "pytorch", "seresnext50_32x4d"),
    ("se_resnext50", "caffe", "legacy_seresnext50_32x4d"),
    ("senet154", "pytorch", "senet154"),
    ("senet154", "caffe", "legacy_senet154"),
    ("se_resnet18", "caffe", "legacy_seresnet18"),
]
SIZES = [(224, 224), (197, 229)]


@pytest.fixture(scope="module", autouse=True)
def timm():
    try:
        return timm_reference.import_timm()
    except ImportError as error:
        if REQUIRED:
            raise
        pytest.skip(f"timm is not installed ({error})")


def build(name, variant, relu_before):
    spec = families.SPECS[name]
    spec = replace(spec, se=replace(spec.se, relu_before=relu_before))
    network = application.application(name, name, spec)
    return network(
        weights=None,
        input_shape=(None, None, 3),
        classifier_activation=None,
        variant=variant,
    )


@pytest.mark.parametrize(("name", "variant", "timm_name"), NETWORKS)
def test_logits_equal_timm(name, variant, timm_name):
    import torch

    reference = timm_reference.random_network(timm_name, seed=7)
    model = build(name, variant, relu_before=timm_name == "legacy_seresnet18")
    timm_reference.copy_weights(reference, model)
    exact = reference.double()
    for height, width in SIZES:
        images = np.random.default_rng(height).normal(size=(1, height, width, 3))
        images = images.astype("float32")
        nchw = torch.tensor(images.transpose(0, 3, 1, 2)).double()
        with torch.no_grad():
            expected = exact(nchw).numpy()
        logits = keras.ops.convert_to_numpy(model(images, training=False))
        error = np.abs(logits - expected).max() / expected.std()
        print(f"{timm_name} at {height}x{width}: {error:.1e}")
        assert error < LIMIT


def test_the_dialects_differ_visibly():
    keras.utils.set_random_seed(0)
    ours = {v: build("se_resnet50", v, False) for v in ("pytorch", "caffe")}
    ours["caffe"].set_weights(ours["pytorch"].get_weights())
    images = np.random.default_rng(0).normal(size=(1, 197, 229, 3)).astype("float32")
    a, b = (keras.ops.convert_to_numpy(m(images)) for m in ours.values())
    assert np.abs(a - b).max() / a.std() > 100 * LIMIT
