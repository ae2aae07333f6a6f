"""How tensors of a file become ours: torch and Caffe keep other axes than Keras."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras_senet.weights.classes import ilsvrc2017_order

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """How tensors of a file are laid out, and how ours is.

    Attributes:
        shape: From the shapes of the file's tensors to that of ours.
        turn: From the file's tensors to ours.
        back: From our tensor to that of a torch file, where there is a way back.
    """

    shape: Callable[..., Shape]
    turn: Callable[..., np.ndarray]
    back: Callable[[np.ndarray], np.ndarray] | None = None


def _transposed(*order: int) -> Layout:
    inverse = tuple(int(axis) for axis in np.argsort(order))
    return Layout(
        # A shape of another rank stays as it is, and then does not fit.
        shape=lambda s: tuple(s[i] for i in order) if len(s) == len(order) else s,
        turn=lambda x: x.transpose(order),
        back=lambda x: x.transpose(inverse),
    )


def _without_positions(shape: Shape) -> Shape:
    """The shape of a 1x1 convolution as that of a matrix."""
    return shape[:2] if shape[2:] == (1, 1) else shape


def _without_leading_ones(shape: Shape, rank: int) -> Shape:
    """The shape of a blob of an old Caffe, which has always four axes."""
    ones = len(shape) - rank
    return shape[ones:] if ones > 0 and shape[:ones] == (1,) * ones else shape


def _side_by_side(shapes: tuple[Shape, ...]) -> Shape:
    """The shape of kernels that differ in their outputs; else one that fits none."""
    before = {shape[:-1] for shape in shapes}
    return (
        (*before.pop(), sum(shape[-1] for shape in shapes)) if len(before) == 1 else ()
    )


def _by_sorted_classes(x: np.ndarray) -> np.ndarray:
    """From the order of the challenge's devkit to that of the sorted synsets."""
    order = ilsvrc2017_order()
    if len(x) != len(order):
        raise ValueError(
            f"The classes of an authors' file should be the {len(order)} of ImageNet, "
            f"whose order is known. Received: {len(x)} classes"
        )
    turned = np.empty_like(x)
    turned[list(order)] = x
    return turned


def _blob(x: np.ndarray, rank: int) -> np.ndarray:
    return x.reshape(_without_leading_ones(x.shape, rank))


def _unscaled(statistic: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Caffe keeps sums of statistics beside the sum of their weights."""
    weight = factor.reshape(())
    scale = np.float32(0) if weight == 0 else np.float32(1) / weight
    return _blob(statistic, 1) * scale


VECTOR = Layout(shape=lambda s: s, turn=lambda x: x, back=lambda x: x)
CONVOLUTION = _transposed(2, 3, 1, 0)
DENSE = _transposed(1, 0)
# A matrix of SE, which most keep as a 1x1 convolution.
MATRIX = Layout(
    shape=lambda s: DENSE.shape(_without_positions(s)),
    turn=lambda x: x.reshape(x.shape[:2]).T,
    back=lambda x: x.T[:, :, None, None],
)

# Kernels of Keras itself, one for each group.
SIDE_BY_SIDE = Layout(
    shape=lambda *s: _side_by_side(s), turn=lambda *x: np.concatenate(x, axis=-1)
)
# A matrix of SE as a 1x1 convolution of Keras.
FLAT_MATRIX = Layout(
    shape=lambda s: s[2:] if s[:2] == (1, 1) else s, turn=lambda x: x[0, 0]
)

CAFFE_VECTOR = Layout(
    shape=lambda s: _without_leading_ones(s, 1), turn=lambda x: _blob(x, 1)
)
CAFFE_STATISTIC = Layout(shape=lambda s, _: _without_leading_ones(s, 1), turn=_unscaled)
# The first kernel sees BGR images.
CAFFE_FIRST = Layout(
    shape=CONVOLUTION.shape, turn=lambda x: CONVOLUTION.turn(x[:, ::-1])
)
CAFFE_CLASSES = Layout(
    shape=lambda s: DENSE.shape(_without_leading_ones(s, 2)),
    turn=lambda x: _by_sorted_classes(_blob(x, 2)).T,
)
CAFFE_CLASS_BIAS = Layout(
    shape=CAFFE_VECTOR.shape, turn=lambda x: _by_sorted_classes(_blob(x, 1))
)
