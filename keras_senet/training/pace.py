"""How fast an epoch of training goes, and how long it waits for its input."""

import time


class Pace:
    """Times the steps of an epoch from the beginning of one to that of the next.

    The end of a step is not asked for: a callback that hears of it makes Keras fetch
    the metrics from the device after every step.

    Args:
        cold: Whether to leave out the first execution, in which functions are traced
            and the input starts.
    """

    def __init__(self, *, cold: bool) -> None:
        self.started = time.monotonic()
        self.cold_seconds = 0.0
        self.cold_steps = 0
        self.steps = 0
        self.seconds = 0.0
        self._waited: float | None = 0.0
        self._cold = cold
        self._last: tuple[int, float, float] | None = None

    def begin(self, step: int, arrived: float | None) -> None:
        """Notes that a step begins.

        Args:
            step: Its number among those of this `fit`, from 0.
            arrived: When the batch of the step before was there, if that is known,
                as `time.time()` counts.
        """
        now = time.monotonic()
        if self._last is not None:
            before, begun, clock = self._last
            seconds = now - begun
            if self._cold:
                self._cold = False
                self.cold_steps, self.cold_seconds = step - before, seconds
            else:
                self.steps += step - before
                self.seconds += seconds
                self._wait(None if arrived is None else arrived - clock, seconds)
        self._last = (step, now, time.time())

    def _wait(self, waited: float | None, seconds: float) -> None:
        if waited is None or self._waited is None:
            self._waited = None
        else:
            # Within bounds, since a clock may be set.
            self._waited += min(max(waited, 0.0), seconds)

    def end(self, steps: int) -> None:
        """Notes that all steps are done.

        Args:
            steps: How many there were; where they were too few to time any, they
                are timed together.
        """
        if not self.steps:
            self.steps, self.seconds = steps, time.monotonic() - self.started
            self.cold_steps, self.cold_seconds = 0, 0.0
            self._waited = None

    @property
    def seconds_per_step(self) -> float | None:
        """Mean time of a step; `None` before the first has been timed."""
        return self.seconds / self.steps if self.steps else None

    @property
    def input_share(self) -> float | None:
        """Which part of that time passed before the batch was there."""
        if self._waited is None or not self.seconds:
            return None
        return self._waited / self.seconds

    def besides(self, steps: int) -> float:
        """Seconds of the epoch until now that its steps did not take.

        Args:
            steps: How many steps there were.
        """
        stepping = (steps - self.cold_steps) * (self.seconds_per_step or 0.0)
        elapsed = time.monotonic() - self.started
        return max(0.0, elapsed - self.cold_seconds - stepping)
