"""The docstrings of the public functions, from their specs."""

import textwrap

from keras_senet.models.spec import NetworkSpec
from keras_senet.weights.catalog import IMAGENET

ARGUMENTS = """

    Args:
        include_top: Whether to end in the classifier: {top}
        weights: `None` (random),{weights}
            `"hf://owner/name"`, a repository of the Hugging Face hub, or the path
            of a file: `.weights.h5`, `.keras`, safetensors, a torch or a Caffe
            model. Files that this package did not write go by their names of tensors
            (timm, Cadene, mmpretrain, moskomule, the authors), and `.h5` files of
            `classification_models` by the order of their layers.
        input_tensor: A Keras tensor to build on, instead of a new input. The
            network wants preprocessed images.
        input_shape: Without the batch; default `{shape}` (channels last).
            Height and width may be `None`{none}, otherwise at least {least}.
        pooling: Without the top: `None` for the feature map, `"avg"` or
            `"max"` for its global pool.
        classes: Number of classes.
        classifier_activation: `"softmax"`, or `None` for logits.
        name: The model's name; default `"{snake}"`.
        reduction: The reduction ratio r; `None` builds the network without SE.
        use_bias: Whether the two matrices of SE have biases.
        squeeze: `"avg"`, `"max"`, or `None` to gate every position.
        gate_activation: The activation that makes the gates.
        se_stages: The stages that have SE, out of {stages}; `None` is all.
{placement}{variant}{dropout}{drop_path}{skip_mismatch}
    Returns:
        A functional `keras.Model`, in the global dtype policy. With a mixed
        policy the classifier computes in float32.

    Raises:
        ValueError: If an argument is out of its range or contradicts the
            weights.
        FileNotFoundError: If `weights` is a path without a file.
        InputError: If a published checkpoint cannot be had (a `ValueError`).

    Example:

    ```python
    import keras_senet

    model = keras_senet.{function}(weights=None, classes=10)
    ```
"""

WEIGHTS = """
            `"imagenet"` (the published checkpoint `{tag}`), the tag of
            another one (see `list_weights`),"""
PLACEMENT = """\
        se_placement: Where SE stands in a residual unit (journal, figure 5):
            {placements}.
"""
DROPOUT = """\
        dropout: Rate of the dropout before the classifier; `None` is the
            network's own, {rate}.
"""
DROP_PATH = """\
        drop_path: Rate at which the last block's branch is dropped in training,
            growing linearly from zero at the first block.
"""
SKIP_MISMATCH = """\
        skip_mismatch: Whether layers that do not fit the weights' shapes keep
            their random values, such as the head with other `classes`.
"""
VARIANT = """\
        variant: The dialect.
            `"pytorch"`: stem pool padded by one{strides};
            `"caffe"`, the authors' own: stem pool rounded up{caffe_strides}.
            Weights of the one are wrong in the other. `None` takes the dialect
            of the weights, and `"pytorch"` with `weights=None`.
"""


def docstring(name: str, snake: str, spec: NetworkSpec) -> str:
    """The docstring of the public function `name`."""
    checkpoint = IMAGENET.get(snake)
    strides = caffe_strides = ""
    if getattr(spec, "strides_by_dialect", False) and "3x3" in spec.placements:
        strides, caffe_strides = ", stride on the 3x3", ", stride on the first 1x1"
    dropout = ", dropout" if spec.dropout else ""
    sizes = "" if spec.size_rule else " It takes images of any size."
    top = f"global average pool{dropout},\n            dense layer.{sizes}"
    if spec.hidden:
        widths = " and ".join(str(width) for width in spec.hidden)
        top = f"dense layers of\n            {widths} units with dropout, dense layer."
    placements = " or ".join(f'`"{x}"`' for x in spec.placements)
    parts = {
        "se_placement": PLACEMENT.format(placements=placements),
        "variant": VARIANT.format(strides=strides, caffe_strides=caffe_strides),
        "dropout": DROPOUT.format(rate=spec.dropout),
        "drop_path": DROP_PATH,
        "skip_mismatch": SKIP_MISMATCH,
    }
    for argument in spec.absent:
        parts[argument] = ""
    about = textwrap.fill(spec.about, 84, subsequent_indent="    ")
    return about + ARGUMENTS.format(
        function=name,
        snake=snake,
        weights=WEIGHTS.format(tag=checkpoint) if checkpoint else "",
        top=top,
        none=" without the top" if spec.hidden else "",
        shape=(spec.size, spec.size, 3),
        least=spec.least,
        stages=spec.stages,
        placement=parts.pop("se_placement"),
        **parts,
    )
