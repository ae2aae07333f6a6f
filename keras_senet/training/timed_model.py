"""A model that notes when its training batches arrive."""

from typing import Any

import keras


class TimedModel(keras.Model):
    """A functional model that knows since when it has had its last batch.

    `fit` fetches batches inside its compiled function, where Python cannot see how
    long it waits for them. This model's `train_step` writes the time down as soon as
    the batch is there, before it computes anything. What it computes is the same.

    The time is kept out of the model's variables. Save
    `keras.Model(model.input, model.output)`, which shares the layers, so that the
    file is that of an ordinary model. (With `inputs` and `outputs`, which are lists,
    it would be one of lists.)

    Example:

    ```python
    model = TimedModel(model.input, model.output)
    ```
    """

    # `None` until `fit` makes it.
    _clock: "_Clock | None" = None

    def arrived(self) -> float | None:
        """When the last training batch was there, as `time.time()` counts.

        With several replicas, that is when the first of them had its share.

        Returns:
            Seconds since the epoch. `None` before the first batch, and where it is
            not known: XLA has no clock, and of several steps within one execution
            only the last one's time would be left.
        """
        if self._clock is None or self.jit_compile or self.steps_per_execution > 1:
            return None
        return self._clock.read()

    def make_train_function(self, force: bool = False) -> Any:
        """Makes the clock before `train_step` is traced."""
        import tensorflow as tf

        # Within a strategy's scope its variables would be on every device, and
        # reading them would wait for the devices.
        if self._clock is None and not tf.distribute.has_strategy():
            self._clock = _Clock(self.distribute_strategy.num_replicas_in_sync)
        return super().make_train_function(force=force)

    def train_step(self, data: Any) -> Any:
        """Writes down the time, and trains."""
        if self._clock is not None and not self.jit_compile:
            data = self._clock.stamped(data)
        return super().train_step(data)


class _Clock:
    """Hides variables from Keras and from checkpoints, which look at attributes."""

    def __init__(self, replicas: int) -> None:
        import tensorflow as tf

        with tf.device("CPU:0"):
            self._seconds = [
                tf.Variable(0.0, trainable=False, dtype="float64")
                for _ in range(replicas)
            ]

    def stamped(self, data: Any) -> Any:
        """Returns a replica's batch, which has waited until the time was noted."""
        import tensorflow as tf

        replica = tf.get_static_value(
            tf.distribute.get_replica_context().replica_id_in_sync_group
        )
        if replica is None:
            return data
        tensors = tf.nest.flatten(data, expand_composites=True)
        batch = [x for x in tensors if tf.is_tensor(x)]
        with tf.control_dependencies(batch), tf.device("CPU:0"):
            noted = self._seconds[int(replica)].assign(tf.timestamp(), read_value=False)
        # Otherwise the processor may begin to compute, and have no time for clocks.
        with tf.control_dependencies([noted] if noted is not None else []):
            return tf.nest.map_structure(
                lambda x: None if x is None else tf.identity(x), data
            )

    def read(self) -> float | None:
        known = [float(x.numpy()) for x in self._seconds]
        return min((x for x in known if x), default=None)
