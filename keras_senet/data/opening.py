"""From what a person types after `--data` to a data set."""

import difflib
import os
from pathlib import Path

from keras_senet.data.digits import digits
from keras_senet.data.folder import folder
from keras_senet.data.packed import is_packed, packed
from keras_senet.data.source import Source
from keras_senet.data.tfds_source import tfds_source
from keras_senet.errors import InputError


def open_source(text: str, split_seed: int = 0) -> Source:
    """Opens a data set by name or by path.

    Args:
        text: `"digits"` for the embedded digits; a folder of images or of packed
            records, if it exists or begins or ends like a path; otherwise a name of
            TensorFlow Datasets.
        split_seed: Another one chooses other images of a folder for validation and
            test, where the folder does not say which they are.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such data set, or it cannot be used.
    """
    if text == "digits":
        return digits()
    path = folder_of(text)
    if path is not None:
        return packed(path) if is_packed(path) else folder(path, split_seed)
    if difflib.get_close_matches(text.lower(), ["digits"], cutoff=0.7):
        raise InputError(f"There is no data set {text!r}. Did you mean digits?")
    return tfds_source(text)


def folder_of(text: str) -> Path | None:
    """The folder that a person means, or `None` for the name of a data set."""
    # TensorFlow Datasets separates name and configuration by "/", too.
    looks_like_path = text.startswith((".", "~", os.sep)) or text.endswith(os.sep)
    if text == "digits" or not (looks_like_path or Path(text).exists()):
        return None
    return Path(text).expanduser()
