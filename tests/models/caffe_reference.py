"""The authors' definition of SE-BN-Inception, run layer by layer in torch."""

import torch
from torch.nn import functional as F


def run(layers, weights, images):
    """Runs a definition in float64, with Caffe's rules for pools.

    Args:
        layers: The layers as read from the authors' file.
        weights: From a layer's name to its tensors in torch's order: kernel and
            bias, or kernel, gamma, beta, mean, variance.
        images: `(batch, channels, height, width)`.

    Returns:
        The logits.
    """
    made, previous, module_input = {}, images.double(), None
    for layer in layers:
        name = layer["name"]
        part = name.split("/", 1)[1] if "/" in name else ""
        x = previous
        if name.startswith("inception_") and part:
            if part in ("1x1", "3x3_reduce") and "module" not in made:
                module_input = previous
                made = {"module": module_input}
            x = made.get(BOTTOMS.get(part), module_input)
        previous = made[name] = step(layer, x, weights, made)
        if part:
            made[part] = previous
        if name.endswith("_1x1_up"):
            gate = torch.sigmoid(previous)
            concat = made[name.removesuffix("_1x1_up") + "/concat"]
            previous, made = concat * gate, {}
    return previous


BOTTOMS = {
    "3x3": "3x3_reduce",
    "double3x3a": "double3x3_reduce",
    "double3x3b": "double3x3a",
    "pool_proj": "pool",
}


def step(layer, x, weights, made):
    """One layer; convolutions without bias have normalization and ReLU."""
    name = layer["name"]
    if layer["type"] == "Concat":
        return torch.cat([made[bottom] for bottom in layer["inputs"]], 1)
    if layer["type"] == "Pooling":
        return pool(layer["info"], x)
    if layer["type"] == "InnerProduct":
        kernel, bias = weights[name]
        return F.linear(x.flatten(1), kernel, bias)
    if layer["bias"]:
        kernel, bias = weights[name]
        x = F.conv2d(x, kernel, bias)
        return F.relu(x) if name.endswith("_down") else x
    kernel, gamma, beta, mean, variance = weights[name]
    x = F.conv2d(x, kernel, stride=layer["stride"], padding=layer["pad"])
    return F.relu(F.batch_norm(x, mean, variance, gamma, beta, eps=1e-5))


def pool(info, x):
    """Caffe rounds sizes up, and its averages count the padding.

    The last pool covers the whole map at 224 pixels, and here at all sizes.
    """
    if info.startswith(("GLOBAL", "AVE k7")):
        return x.mean((2, 3), keepdim=True)
    kind, kernel, stride, pad = info.split()
    sizes = [int(text[1:]) for text in (kernel, stride, pad)]
    if kind == "MAX":
        return F.max_pool2d(x, *sizes, ceil_mode=True)
    return F.avg_pool2d(x, *sizes, ceil_mode=True, count_include_pad=True)
