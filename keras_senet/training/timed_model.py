"""A model that notes when its training batches arrive."""

from typing import Any

import keras


class TimedModel(keras.Model):
    """A functional model that knows since when it has had its last batch.

    `fit` fetches batches inside its compiled function, where Python cannot see how
    long it waits for them. This model's `train_step` writes the time down as soon as
    the batch is there, before it computes anything. What it computes is the same.

    The time is kept out of the model's variables. Save
    `keras.Model(model.inputs, model.outputs)`, which shares the layers, so that the
    file is that of an ordinary model.

    Example:

    ```python
    model = TimedModel(model.inputs, model.outputs)
    ```
    """

    # `None` until `fit` makes it; not a layer's variable, so Keras does not see it.
    _arrival: "_Arrival | None" = None

    def arrived(self) -> float | None:
        """When the last training batch was there, as `time.time()` counts.

        With several replicas, it is the last one's share of the batch that counts.

        Returns:
            Seconds since the epoch. `None` before the first batch, and where it is
            not known: XLA has no clock, and of several steps within one execution
            only the last one's time would be left.
        """
        if self._arrival is None or self.jit_compile or self.steps_per_execution > 1:
            return None
        return float(self._arrival.seconds.numpy()) or None

    def make_train_function(self, force: bool = False) -> Any:
        """Makes the variable of the time before `train_step` is traced."""
        import tensorflow as tf

        # Within a strategy's scope it would become one on every device, and reading
        # it would wait for them.
        if self._arrival is None and not tf.distribute.has_strategy():
            self._arrival = _Arrival()
        return super().make_train_function(force=force)

    def train_step(self, data: Any) -> Any:
        """Writes down the time, and trains."""
        import tensorflow as tf

        if self._arrival is not None and not self.jit_compile:
            batch = [x for x in tf.nest.flatten(data) if tf.is_tensor(x)]
            with tf.control_dependencies(batch), tf.device("CPU:0"):
                self._arrival.seconds.assign(tf.timestamp())
        return super().train_step(data)


class _Arrival:
    """Hides a variable from Keras and from checkpoints, which look at attributes."""

    def __init__(self) -> None:
        import tensorflow as tf

        with tf.device("CPU:0"):
            self.seconds = tf.Variable(0.0, trainable=False, dtype="float64")
