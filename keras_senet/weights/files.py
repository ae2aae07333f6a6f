"""From a checkpoint's row, or an address on the hub, to a verified file on disk."""

import os
from pathlib import Path

from keras_senet.errors import InputError
from keras_senet.weights import download, hub
from keras_senet.weights.checkpoint import Checkpoint
from keras_senet.weights.client import reason
from keras_senet.weights.hashes import verify as verify
from keras_senet.weights.hub import fetch_hub as fetch_hub


def local_path(checkpoint: Checkpoint) -> Path:
    """Where a person places a checkpoint's file by hand.

    Args:
        checkpoint: Its row.

    Returns:
        `<KERAS_HOME>/keras_senet/<file>`; of repositories, whose files are all
        named alike, `<KERAS_HOME>/keras_senet/<tag>.safetensors`. As for Keras,
        `KERAS_HOME` is `~/.keras` if it is not set.
    """
    name = checkpoint.file
    if checkpoint.hub:
        name = checkpoint.tag + Path(checkpoint.file).suffix
    return _keras_home() / "keras_senet" / name


def _keras_home() -> Path:
    # Keras has no public name for this folder, so its rule is written here again.
    if home := os.environ.get("KERAS_HOME"):
        return Path(os.path.expanduser(home))
    base = os.path.expanduser("~")
    return Path(base if os.access(base, os.W_OK) else "/tmp", ".keras")


def fetch(checkpoint: Checkpoint) -> Path:
    """Finds a checkpoint's file, and downloads it if needed.

    A file at `local_path` comes first. Files of the hub lie in the hub's own cache,
    and obey its environment variables (`HF_HOME`, `HF_ENDPOINT`, `HF_HUB_OFFLINE`,
    `HF_HUB_DOWNLOAD_TIMEOUT`...); the last two hold for other downloads too, which
    lie at `local_path`. Every call verifies the file.

    Args:
        checkpoint: Its row.

    Returns:
        The file. Its size and hash are the published ones.

    Raises:
        InputError: If it cannot be had, or is not what was published. A wrong file
            that was downloaded is deleted; one at `local_path` never is.
    """
    path = local_path(checkpoint)
    try:
        if path.is_file():
            verify(path, checkpoint)
        elif checkpoint.hub:
            return hub.download(_hub_file(checkpoint), lambda x: verify(x, checkpoint))
        elif checkpoint.url:
            download.download(
                checkpoint.url,
                path,
                lambda x: verify(x, checkpoint),
                resume=checkpoint.hashes is not None,
            )
            # Another process may have placed it while we waited.
            verify(path, checkpoint)
        else:
            raise InputError("it can be downloaded by hand only")
        return path
    except Exception as error:  # the client library's errors have no common base
        # The library's chain of errors would bury the one that says what to do.
        raise InputError(_help(checkpoint, reason(error))) from None


def _hub_file(checkpoint: Checkpoint) -> hub.HubFile:
    return hub.HubFile.parse(f"hf://{checkpoint.hub}/{checkpoint.file}")


def _help(checkpoint: Checkpoint, why: str) -> str:
    """All that a person needs who is left without a file."""
    path = local_path(checkpoint)
    looked, source = str(path), checkpoint.url or checkpoint.origin
    if checkpoint.hub:
        looked = f"{path}, then in the hub's cache at {hub.cache()}"
        source = _hub_file(checkpoint).url
    if path.is_file():
        todo = f"Replace {path}, or delete it, so that it can be downloaded."
    else:
        todo = f"To place it by hand, save it as {path}."
    return (
        f"The checkpoint {checkpoint.tag!r} cannot be had: {why}. Its file is "
        f"{checkpoint.file} from {source}. Looked for at {looked}. {todo} Or pass the "
        "path of a file of weights, or `weights=None` for random ones."
    )
