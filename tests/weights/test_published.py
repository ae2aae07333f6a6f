"""Files as the publishers write them, loaded, against timm in float64."""

import functools

import keras
import numpy as np
import pytest
from keras2_format import write_keras2
from timm_reference import random_network
from weights import publishers

from keras_senet.models.families import NETWORKS

pytestmark = [
    pytest.mark.parity,
    pytest.mark.usefixtures("only_tensorflow", "timm"),
]

# An epsilon of 1.001e-5 shows at 1e-5, any real mistake above 1e-2.
LIMIT = 1e-4
SEED = 7
SIZES = [(224, 224), (197, 229)]
TIMM = {
    "seresnet50": "se_resnet50",
    "seresnext50_32x4d": "se_resnext50",
    "seresnext101_32x4d": "se_resnext101",
    "seresnext101_64x4d": "se_resnext101_64x4d",
    "seresnext101_32x8d": "se_resnext101_32x8d",
    "seresnet152d": "se_resnet152d",
    "senet154": "senet154",
    "legacy_seresnet18": "se_resnet18",
    "legacy_seresnet34": "se_resnet34",
    "legacy_seresnet50": "se_resnet50",
    "legacy_seresnet101": "se_resnet101",
    "legacy_seresnet152": "se_resnet152",
    "legacy_seresnext26_32x4d": "se_resnext26",
    "legacy_seresnext50_32x4d": "se_resnext50",
    "legacy_seresnext101_32x4d": "se_resnext101",
    "legacy_senet154": "senet154",
}
# Old files are older than the zip format.
OLD = {"_use_new_zipfile_serialization": False}


@functools.cache
def expected(name):
    """Images of each size, and the logits of a timm network in float64."""
    return logits(random_network(name, SEED))


def state_of(name):
    """The weights of that network, in float32."""
    return random_network(name, SEED).state_dict()


def logits(reference):
    import torch

    found = []
    reference = reference.double()
    for height, width in SIZES:
        images = np.random.default_rng(width).normal(size=(1, height, width, 3))
        images = images.astype("float32")
        nchw = torch.tensor(images.transpose(0, 3, 1, 2)).double()
        with torch.no_grad():
            found.append((images, reference(nchw).numpy()))
    return found


def agrees(network, path, references, **arguments):
    """Loads a file and compares the logits with those of a torch module."""
    model = NETWORKS[network](
        weights=path,
        input_shape=(None, None, 3),
        classifier_activation=None,
        **arguments,
    )
    for images, theirs in references:
        ours = keras.ops.convert_to_numpy(model(images, training=False))
        error = np.abs(ours - theirs).max() / theirs.std()
        print(f"{network} from {path.name} at {images.shape[1:3]}: {error:.1e}")
        assert error < LIMIT
        best = [np.argsort(x[0])[::-1][:5].tolist() for x in (ours, theirs)]
        assert best[0] == best[1]
    return model


@pytest.mark.parametrize("name", TIMM)
def test_timm(name, tmp_path):
    import torch
    from safetensors.torch import save_file

    if name.startswith("legacy"):
        path = tmp_path / f"{name}.pth"
        torch.save(state_of(name), path, **(OLD if "50" in name else {}))
    else:
        path = tmp_path / "model.safetensors"
        save_file(state_of(name), path, metadata={"format": "pt"})
    model = agrees(TIMM[name], path, expected(name))
    variant = model.get_layer("provenance").facts["variant"]
    assert variant == ("caffe" if name.startswith("legacy") else "pytorch")


def test_mmpretrain(tmp_path):
    import torch

    path = tmp_path / "seresnet50.pth"
    torch.save(publishers.mmpretrain(state_of("seresnet50")), path)
    agrees("se_resnet50", path, expected("seresnet50"))


def test_moskomule(tmp_path):
    import torch

    reference = random_network("seresnet50", SEED)
    for name, value in reference.named_parameters():
        if ".se." in name and name.endswith("bias"):
            value.data.zero_()
    path = tmp_path / "seresnet50.pkl"
    torch.save(publishers.moskomule(reference.state_dict()), path, **OLD)
    agrees("se_resnet50", path, logits(reference), use_bias=False)
    with pytest.raises(ValueError, match="`use_bias` should be False"):
        NETWORKS["se_resnet50"](weights=path)


@pytest.mark.parametrize(
    "name", ["legacy_seresnet50", "legacy_seresnext50_32x4d", "legacy_senet154"]
)
def test_authors_residual_networks(name, tmp_path):
    path = tmp_path / "some.caffemodel"
    path.write_bytes(publishers.caffe(state_of(name)))
    agrees(TIMM[name], path, expected(name))


@pytest.mark.parametrize(
    "name",
    [
        "legacy_seresnext50_32x4d",
        pytest.param("legacy_senet154", marks=pytest.mark.slow),
    ],
)
def test_classification_models(name, tmp_path):
    path = tmp_path / "some.h5"
    write_keras2(path, publishers.qubvel(state_of(name)))
    with pytest.warns(UserWarning, match="pad the stem's pool"):
        agrees(TIMM[name], path, expected(name))
