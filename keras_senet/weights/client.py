"""What the hub's client library prints and raises: nothing, and in words."""

import contextlib
import logging
import socket
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator

from keras_senet.errors import InputError

STATUS = {
    401: "the server asks for a log-in (401)",
    403: "the server refuses it (403)",
    404: "there is no such file (404)",
    429: "the server has had too many requests (429)",
}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds back the library's advice; progress bars stay.

    Whoever has set another verbosity than the library's own (`HF_HUB_VERBOSITY`)
    keeps it.
    """
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if level == logging.WARNING:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def unknown_host(url: str) -> OSError | None:
    """Whether a host has no address here, which the library would find out slowly.

    Args:
        url: Where to download from.

    Returns:
        The error, or `None` if there is an address, or a proxy that may know it.
    """
    if urllib.request.getproxies():
        return None
    try:
        socket.getaddrinfo(urllib.parse.urlsplit(url).hostname, None)
    except OSError as error:
        return error
    return None


def reason(error: BaseException) -> str:
    """Says why a file could not be had.

    Args:
        error: What was raised, by the library or by reading and writing files.

    Returns:
        A clause, without a full stop.
    """
    from huggingface_hub import constants, errors

    # With such errors the library says what follows from another one.
    if error.__cause__ is not None and (
        isinstance(error, errors.LocalEntryNotFoundError) or type(error) is ValueError
    ):
        return reason(error.__cause__)
    if isinstance(error, errors.LocalEntryNotFoundError):
        return "it is not in the hub's cache"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so nothing is downloaded"
    if isinstance(error, errors.GatedRepoError):
        return "its repository is open only to people who asked for access"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the hub has no such repository, or it is private (`hf auth login`)"
    if isinstance(error, errors.RevisionNotFoundError):
        return "the repository has no such revision"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        return STATUS.get(status, f"the server answers with error {status}")
    # The library's HTTP client has changed its name, but not those of its errors.
    if "Timeout" in type(error).__name__:
        seconds = constants.HF_HUB_DOWNLOAD_TIMEOUT
        return f"no answer within {seconds} seconds (HF_HUB_DOWNLOAD_TIMEOUT)"
    if isinstance(error, errors.HTTPError):
        return f"the connection failed ({type(error).__name__}: {error})"
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return "its server has no address here; is there a network?"
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename}" if error.filename else ""
        return f"reading or writing{where} failed: {error.strerror}"
    return f"{type(error).__name__}: {error}"
