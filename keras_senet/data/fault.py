"""Why the pipeline refuses a file, in words for people."""

import re
from typing import Any

from keras_senet.data.decoding import MAX_PIXELS, decode
from keras_senet.data.headers import TOO_MANY, apart

OURS = re.compile(r"assertion failed: \[([^]]*)\](?: \[(\d+) (\d+)\])?")
# Of ISO media files, which PIL may not know.
BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}


def fault(encoded: bytes) -> str | None:
    """Says why `decode` refuses these bytes, if it does.

    Args:
        encoded: The contents of a file.

    Returns:
        A sentence about the file that says what to do, or `None` if it is decoded.

    Example:

    ```python
    from keras_senet.data.fault import fault

    print(fault(b""))  # It is empty or cannot be read; remove it.
    ```
    """
    import tensorflow as tf

    try:
        apart(decode)(encoded)
    except tf.errors.OpError as error:
        return _reason(encoded, str(error.message))
    return None


def _reason(encoded: bytes, message: str) -> str:
    if not encoded:
        return "It is empty or cannot be read; remove it."
    ours = OURS.search(message)
    if ours is None:
        return _broken(encoded)
    reason, height, width = ours.groups()
    if reason == TOO_MANY:
        return (
            f"It has {height} x {width} pixels, more than the {MAX_PIXELS} that are "
            "decoded; scale it down."
        )
    if reason.startswith("It is no "):
        return _foreign(encoded)
    reason = reason.removesuffix(".")
    if "BMP" in reason:
        return f"{reason}; convert it to PNG."
    if "animated" in reason:
        return f"{reason}; extract the frame you want."
    return f"{reason}; repair or remove it."


def _foreign(encoded: bytes) -> str:
    """About a format that the pipeline does not read."""
    brand = encoded[8:12] if encoded[4:8] == b"ftyp" else b""
    kind = BRANDS.get(brand) or _opened(encoded)
    if kind is None:
        return "It is no image; remove it."
    return f"It is {kind}; convert it to JPEG or PNG."


def _opened(encoded: bytes) -> Any:
    import io

    from PIL import Image

    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return image.format
    # Whatever PIL thinks of it, it serves the wording alone.
    except Exception:
        return None


def _broken(encoded: bytes) -> str:
    """About a file that TensorFlow's decoders do not get through."""
    import io

    from PIL import Image

    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.load()
    except Exception as error:
        words = str(error).lower()
        if any(word in words for word in ("truncated", "not enough", "unrecognized")):
            return "It is truncated; repair or remove it."
    return "It is broken; repair or remove it."
