"""Logits against independent implementations with the same weights."""

import keras
import numpy as np
import pytest
from seeded import seed_weights
from test_inception import AUTHORS, MODULES, our_name

import keras_senet

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("only_tensorflow")]


def torch_weights(model):
    """Our weights under the authors' names, in torch's order."""
    import torch

    def tensors(layer, *names):
        arrays = [getattr(layer, name).numpy() for name in names]
        arrays = [a.transpose(3, 2, 0, 1) if a.ndim == 4 else a for a in arrays]
        return [torch.tensor(a.T if a.ndim == 2 else a).double() for a in arrays]

    found = {}
    for layer in AUTHORS["layers"]:
        name = layer["name"]
        if layer["type"] == "InnerProduct":
            found[name] = tensors(model.get_layer("predictions"), "kernel", "bias")
        elif layer["type"] == "Convolution" and layer["bias"]:
            module, step = name.removeprefix("inception_").split("_1x1_")
            kind = {"down": "reduce", "up": "expand"}[step]
            se = model.get_layer(f"{MODULES[module]}_se")
            kernel, bias = tensors(se, f"{kind}_kernel", f"{kind}_bias")
            found[name] = kernel[:, :, None, None], bias
        elif layer["type"] == "Convolution":
            ours = our_name(name)
            norm = model.get_layer(ours.replace("conv", "bn"))
            found[name] = tensors(model.get_layer(ours), "kernel") + tensors(
                norm, "gamma", "beta", "moving_mean", "moving_variance"
            )
    return found


@pytest.mark.parametrize("size", [(224, 224), (225, 197)])
def test_se_bn_inception_from_a_caffemodel_equals_the_definition(size, tmp_path):
    """The file has BGR kernels and the devkit's classes, and so has the reference."""
    torch = pytest.importorskip("torch")
    import caffe_reference
    from weights import publishers

    seeded = keras_senet.SEBNInception(weights=None, input_shape=(*size, 3))
    seed_weights(seeded)
    weights = torch_weights(seeded)
    path = tmp_path / "SE-BN-Inception.caffemodel"
    path.write_bytes(publishers.caffe_by_definition(AUTHORS["layers"], weights))
    model = keras_senet.SEBNInception(
        weights=path, input_shape=(*size, 3), classifier_activation=None
    )
    images = np.random.default_rng(1).normal(size=(1, *size, 3)).astype("float32")
    bgr = torch.tensor(images[..., ::-1].transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        theirs = caffe_reference.run(AUTHORS["layers"], weights, bgr).numpy()
    expected = np.empty_like(theirs)
    for caffe_index, sorted_index in publishers.label_map():
        expected[:, sorted_index] = theirs[:, caffe_index]
    logits = keras.ops.convert_to_numpy(model(images))
    error = np.abs(logits - expected).max() / expected.std()
    print(f"SE-BN-Inception at {size}: {error:.1e}")
    assert error < 1e-4


def test_plain_vgg16_equals_timm():
    torch = pytest.importorskip("torch")
    import timm_reference

    timm = timm_reference.import_timm()
    reference = timm.create_model("vgg16_bn", pretrained=False).eval()
    model = keras_senet.SEVGG16(
        reduction=None, input_shape=(64, 64, 3), include_top=False
    )
    seed_weights(model)
    blocks = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    features = iter(reference.features)
    with torch.no_grad():
        for conv in blocks:
            theirs = next(x for x in features if isinstance(x, torch.nn.Conv2d))
            theirs.weight.copy_(torch.tensor(conv.kernel.numpy().transpose(3, 2, 0, 1)))
            theirs.bias.zero_()
            norm, ours = (
                next(features),
                model.get_layer(conv.name.replace("conv", "bn")),
            )
            norm.weight.copy_(torch.tensor(ours.gamma.numpy()))
            norm.bias.copy_(torch.tensor(ours.beta.numpy()))
            norm.running_mean.copy_(torch.tensor(ours.moving_mean.numpy()))
            norm.running_var.copy_(torch.tensor(ours.moving_variance.numpy()))
        images = np.random.default_rng(1).normal(size=(1, 64, 64, 3)).astype("float32")
        nchw = torch.tensor(images.transpose(0, 3, 1, 2)).double()
        expected = reference.double().features(nchw).numpy().transpose(0, 2, 3, 1)
    found = keras.ops.convert_to_numpy(model(images))
    error = np.abs(found - expected).max() / expected.std()
    print(f"vgg16_bn: {error:.1e}")
    assert error < 1e-4
