"""Stopping a run from outside: SIGTERM, which announces a preemption, and Ctrl-C."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Stopped(Exception):
    """A run was asked to stop, and has saved where it is.

    Attributes:
        signal: The number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"Stopped by {signal.Signals(number).name}")
        self.signal = number


class Signals:
    """Notes a signal, for whoever asks at the next step.

    Attributes:
        received: The number of the signal, or `None`.
    """

    def __init__(self) -> None:
        self.received: int | None = None

    def raise_if_received(self) -> None:
        """Raises if a signal was received.

        Raises:
            Stopped: If so.
        """
        if self.received is not None:
            raise Stopped(self.received)

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catches the first SIGTERM or Ctrl-C; the second acts as ever."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.getsignal(number)
            for number in (signal.SIGTERM, signal.SIGINT)
        }

        def note(number: int, frame: Any) -> None:
            self.received = number
            for each, handler in before.items():
                signal.signal(each, handler)

        for number in before:
            signal.signal(number, note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
