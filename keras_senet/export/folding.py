"""A model for inference alone, with as few operations as possible."""

import keras

from keras_senet.export.folding_building import build
from keras_senet.export.folding_moving import (
    drop_identities,
    fold_backward,
    fold_forward,
    keep_normalization,
    merge_padding,
)
from keras_senet.export.folding_program import Program
from keras_senet.export.folding_reading import is_idle, understand
from keras_senet.models.graph import is_functional


def fold(model: keras.Model, *, normalization: bool = True) -> keras.Model:
    """Makes a copy of a model for inference, exact to rounding, with fewer operations.

    - Batch normalization, and all else that scales and shifts channels, goes into the
      weights of the convolution or dense layer before it, also through sums and
      concatenations. What stands directly before such a layer that pads nothing goes
      into that one. What is left of it (between a sum and a ReLU, say) becomes one
      multiplication and one addition.
    - The normalization of the images goes into the first convolution as well. If that
      one pads with zeros, which come after the normalization, only the scale does, and
      the mean is still subtracted from the images.
    - What does nothing in inference is left out: dropout, noise, random changes of
      images, `Provenance`, and `ImageSize` where the size is fixed.
    - Padding by a layer of its own becomes that of the convolution where `"same"` pads
      alike.
    - Nested models are laid out flat. All is computed in float32.

    A layer that is called several times stays as it is.

    Args:
        model: A functional or sequential model, which stays as it is.
        normalization: Whether constants that scale and shift the images
            (`keras.layers.Rescaling`, `keras.layers.Normalization`, or arithmetic) are
            folded, too. Otherwise they stay at the entry.

    Returns:
        A functional model with inputs, outputs and names of layers as before. It
        shares with the old one only layers that cannot be copied from their config.
        A model whose graph is not known, such as a subclassed one, is returned itself.

    Example:

    ```python
    import keras_senet
    from keras_senet.export.folding import count_operations, fold

    network = keras_senet.SEResNet20(weights=None)
    folded = fold(network)
    count_operations(network), count_operations(folded)
    ```
    """
    if not is_functional(model):
        return model
    program = Program(model)
    understand(program)
    if not normalization:
        keep_normalization(program)
    fold_backward(program)
    fold_forward(program)
    drop_identities(program)
    merge_padding(program)
    return build(program, model)


def count_operations(model: keras.Model) -> int:
    """Counts the calls of layers and operations that compute something in inference.

    Args:
        model: A functional or sequential model; nested ones count with all that is in
            them.

    Returns:
        The number of calls. Dropout and other layers that return their input in
        inference do not count; a model whose graph is not known is one operation.

    Example:

    ```python
    from keras_senet.export.folding import count_operations

    count_operations(model)
    ```
    """
    if not is_functional(model):
        return 1
    return sum(not is_idle(step) for step in Program(model))
