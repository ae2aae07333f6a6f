"""Converters that keep quiet."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Suppresses logging, warnings, and what C++ prints on the standard error.

    What C++ prints passes Python by, and its own switch must be set before
    TensorFlow is loaded. Errors are raised as ever.
    """
    disabled = logging.root.manager.disable
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.callback(logging.disable, disabled)
        logging.disable(logging.ERROR)
        # Without an open standard error there is nothing to suppress.
        with contextlib.suppress(OSError):
            saved = os.dup(2)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, 2)
            nowhere = stack.enter_context(open(os.devnull, "w"))
            sys.stderr.flush()
            os.dup2(nowhere.fileno(), 2)
        yield
