"""The networks of timm, an independent implementation, with weights of our choice."""

import re

import numpy as np


def import_timm():
    """Imports timm, where torchvision has none of its compiled operators."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        # timm never calls these; torchvision only wants them declared.
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor d, Tensor s, float t) -> Tensor")
        library.define("qnms(Tensor d, Tensor s, float t) -> Tensor")
        import_timm.declared = library
    import timm

    return timm


def random_network(name, seed):
    """A timm network in evaluation mode, well conditioned, with no trivial part.

    Small gains on the residual branches keep float32 noise far below what any
    mistake would show; moving statistics are not those of a fresh network.
    """
    import torch

    timm = import_timm()
    rng = np.random.default_rng(seed)
    network = timm.create_model(name, pretrained=False).eval()
    state = network.state_dict()
    for key, value in state.items():
        shape = tuple(value.shape)
        if key.endswith("num_batches_tracked"):
            continue
        if key.endswith("running_mean"):
            new = rng.normal(0, 0.1, shape)
        elif key.endswith("running_var"):
            new = rng.uniform(0.5, 1.5, shape)
        elif key.endswith("bias"):
            new = rng.normal(0, 0.1, shape)
        elif len(shape) == 1:
            last = re.search(r"layer\d\.\d+\.bn3|layer\d\.\d+\.bn2$", key)
            new = rng.uniform(0.5, 1.5, shape) * (0.3 if last else 1)
        else:
            new = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        state[key] = torch.tensor(new.astype("float32"))
    network.load_state_dict(state)
    return network


def our_layer(key, stem_convolutions):
    """Our layer's name for a key of timm without its last part."""
    block = re.fullmatch(r"layer(\d)\.(\d+)\.(.+)", key)
    if block:
        stage, index, part = int(block[1]) + 1, int(block[2]) + 1, block[3]
        part = {
            "downsample.0": "proj_conv",
            "downsample.1": "proj_bn",
            "se.fc1": "se",
            "se.fc2": "se",
            "se_module.fc1": "se",
            "se_module.fc2": "se",
        }.get(part, part)
        return f"stage{stage}_block{index}_{part}"
    if key in ("fc", "last_linear"):
        return "predictions"
    if stem_convolutions == 1:
        kind = "conv" if "conv" in key else "bn"
        return f"stem_{kind}"
    # SENet-154: modern keys count inside a sequence, legacy ones from one.
    modern = {
        "conv1.0": "conv1",
        "conv1.1": "bn1",
        "conv1.3": "conv2",
        "conv1.4": "bn2",
        "conv1.6": "conv3",
        "bn1": "bn3",
    }
    return f"stem_{modern.get(key) or key.removeprefix('layer0.')}"


def copy_weights(network, model):
    """Copies a timm network into our model, each tensor once."""
    stem = sum(layer.name.startswith("stem_conv") for layer in model.layers)
    kinds = {
        "bn": {
            "weight": "gamma",
            "bias": "beta",
            "running_mean": "moving_mean",
            "running_var": "moving_variance",
        },
        "se1": {"weight": "reduce_kernel", "bias": "reduce_bias"},
        "se2": {"weight": "expand_kernel", "bias": "expand_bias"},
        "other": {"weight": "kernel", "bias": "bias"},
    }
    left = {id(weight) for weight in model.weights}
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            continue
        path, _, attribute = key.rpartition(".")
        name = our_layer(path, stem)
        kind = "bn" if "bn" in name else "other"
        if name.endswith("_se"):
            kind = f"se{path[-1]}"
        target = getattr(model.get_layer(name), kinds[kind][attribute])
        array = value.numpy()
        if array.ndim == 4 and kind.startswith("se"):
            array = array[:, :, 0, 0]
        array = array.T if array.ndim == 2 else array
        array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
        target.assign(array)
        left.remove(id(target))
    assert not left, "weights of ours that timm has not"
