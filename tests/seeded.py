"""Weights and images that are the same on every backend."""

import hashlib

import numpy as np

# Sides small enough for a test and large enough for the network.
SIDES = {"se_inception_v3": 75, "se_inception_resnet_v2": 75}
CLASSES = 10


def tiny(network, name):
    """A network for tiny images, with the weights of `seed_weights`."""
    side = SIDES.get(name, 32)
    model = network(
        weights=None,
        input_shape=(side, side, 3),
        classes=CLASSES,
        classifier_activation=None,
    )
    seed_weights(model)
    return model


def images(model):
    """Two images for a network."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, *model.input_shape[1:])).astype("float32")


def seed_weights(model):
    """Draws weights from NumPy, each by its path: He's, with living gates.

    The spread of the feature maps stays moderate in networks of any depth, so that
    float32 suffices for a comparison.
    """
    for weight in model.weights:
        digest = hashlib.sha256(weight.path.encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        weight.assign(_draw(rng, weight.path, tuple(weight.shape)))


def _draw(rng, path, shape):
    x = rng.standard_normal(shape, dtype="float32")
    if path.endswith("moving_variance"):
        return 1 + 0.1 * np.abs(x)
    if path.endswith("gamma"):
        return 1 + 0.1 * x
    if path.endswith("reduce_bias"):
        # So large, and the kernel so small, that no hidden unit is dead.
        return 1 + 0.1 * x
    if len(shape) < 2:
        return 0.1 * x
    fan_in = shape[0] * shape[1] if "depthwise" in path else np.prod(shape[:-1])
    gain = 0.005 if path.endswith("reduce_kernel") else 1.5
    return x * np.sqrt(gain / fan_in)
