"""Grouped 2D convolution that is fast to train and safe to export."""

import functools
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_senet")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with another way to compute it on TensorFlow.

    On the TensorFlow backend Keras wraps a grouped convolution in a function of
    its own that must be compiled by XLA. That makes its gradient hundreds of
    times slower on CPU and leaves ONNX and SavedModel files that ONNX Runtime
    and TF Serving refuse. This layer calls the grouped kernel itself. Where that
    kernel has no gradient (on CPU: some dtypes, and all of them without oneDNN)
    or is slow (on CPU under XLA), it splits the channels, convolves group by
    group, and concatenates: the same result by other means.

    Arguments, weights and config are those of `keras.layers.Conv2D`; on the JAX
    and torch backends it is that layer.

    Example:

    ```python
    layer = GroupedConv2D(128, 3, padding="same", groups=32, use_bias=False)
    ```
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves `inputs` with the grouped `kernel`."""
        if keras.backend.backend() != "tensorflow" or self.groups == 1:
            return super().convolution_op(inputs, kernel)
        if _grouped_kernel_serves(self.compute_dtype, self.data_format):
            return self._grouped(inputs, kernel)
        return self._split(inputs, kernel)

    def _grouped(self, inputs: Any, kernel: Any) -> Any:
        import tensorflow as tf

        return tf.nn.conv2d(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding.upper(),
            data_format=data_format_name(self.data_format),
            dilations=self.dilation_rate,
        )

    def _split(self, inputs: Any, kernel: Any) -> Any:
        axis = 1 if self.data_format == "channels_first" else -1
        parts = zip(
            ops.split(inputs, self.groups, axis=axis),
            ops.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        return ops.concatenate(
            [super(GroupedConv2D, self).convolution_op(x, k) for x, k in parts],
            axis=axis,
        )


def _grouped_kernel_serves(dtype: str, data_format: str) -> bool:
    """Whether TensorFlow's grouped kernel is right and fast where it would run."""
    import tensorflow as tf
    from tensorflow.python.framework import ops as framework_ops
    from tensorflow.python.ops import control_flow_util

    if tf.config.list_logical_devices("GPU"):
        return True
    # Private, for want of a public way to ask (a test guards it).
    graph = framework_ops.get_default_graph()
    if control_flow_util.GraphOrParentsInXlaContext(graph):
        return False
    return _cpu_has_grouped_gradient(dtype, data_format)


@functools.cache
def _cpu_has_grouped_gradient(dtype: str, data_format: str) -> bool:
    """Tries a tiny gradient: the answer depends on the CPU and on the build."""
    import tensorflow as tf

    # NHWC and NCHW, four channels in two groups.
    shape = (1, 4, 4, 4)
    common = {
        "strides": [1] * 4,
        "padding": "SAME",
        "data_format": data_format_name(data_format),
    }
    with tf.init_scope(), tf.device("CPU:0"):
        x, kernel = tf.ones(shape, dtype), tf.ones((3, 3, 2, 4), dtype)
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=shape, filter=kernel, out_backprop=x, **common
            )
            tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=kernel.shape, out_backprop=x, **common
            )
        except tf.errors.OpError:
            return False
    return True


def data_format_name(data_format: str) -> str:
    """TensorFlow's name of a data format."""
    return "NCHW" if data_format == "channels_first" else "NHWC"
