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
    # Normalizations on a branch: two in basic blocks, three in bottlenecks.
    branch = 3 if "layer1.0.bn3.weight" in state else 2
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
            last = re.fullmatch(rf"layer\d\.\d+\.bn{branch}\.weight", key)
            new = rng.uniform(0.5, 1.5, shape) * (0.3 if last else 1)
        else:
            new = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        state[key] = torch.tensor(new.astype("float32"))
    network.load_state_dict(state)
    return network
