"""Files of repositories on the Hugging Face hub, verified."""

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

from keras_senet.errors import InputError
from keras_senet.weights import hashes
from keras_senet.weights.client import quiet, reason, unknown_host

FILES = ("model.safetensors", "model.weights.h5", "pytorch_model.bin")
ADDRESS = re.compile(
    r"hf://(?!(?:datasets|spaces|kernels|buckets)/)"
    r"(?P<repository>[\w.-]+/[\w.-]+)"
    r"(?:@(?P<revision>refs/(?:pr|convert)/[^/@]+|[^/@]+))?"
    r"(?:/(?P<path>[^/]+(?:/[^/]+)*))?"
)


@dataclasses.dataclass(frozen=True)
class HubFile:
    """A file on the hub.

    Attributes:
        repository: `"owner/name"`.
        revision: A branch, a tag or a commit; `None` is the default branch.
        path: The file's path in the repository, or `None` if that is left open.
    """

    repository: str
    revision: str | None
    path: str | None

    @classmethod
    def parse(cls, address: str) -> "HubFile":
        """Reads `hf://owner/name[@revision][/path/in/repository]`."""
        from huggingface_hub.utils import HFValidationError, validate_repo_id

        match = ADDRESS.fullmatch(address)
        try:
            if match and not {".", ".."} & set((match["path"] or "").split("/")):
                validate_repo_id(match["repository"])
                return cls(**match.groupdict())
        except HFValidationError:
            pass
        raise InputError(
            "A hub address should be `hf://owner/name`, `hf://owner/name@revision` "
            f"or `hf://owner/name/path/in/repository`. Received: {address!r}"
        )

    @property
    def url(self) -> str:
        """The address for a browser, with `HF_ENDPOINT` as it is now."""
        from huggingface_hub import hf_hub_url

        return hf_hub_url(
            self.repository,
            self.path or "",
            revision=self.revision,
            endpoint=_endpoint(),
        )


def _endpoint() -> str | None:
    # The library has read it at its import, which may have been long ago.
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def cache() -> str:
    """The folder where the hub's client keeps what it has downloaded."""
    from huggingface_hub import constants

    return constants.HF_HUB_CACHE


def fetch_hub(address: str) -> Path:
    """Fetches a file from the hub, or from the hub's cache.

    Args:
        address: `"hf://owner/name"`, which stands for the first of
            `model.safetensors`, `model.weights.h5` and `pytorch_model.bin` that the
            repository has, or `"hf://owner/name/path/in/repository"`; each with
            `@revision` after the name if it shall not be the default branch.

    Returns:
        The file in the hub's cache, named as in the repository. Its content has the
        hash by which the hub knows it.

    Raises:
        InputError: If the address cannot be read, or the file cannot be had.
    """
    from huggingface_hub import errors

    wanted = HubFile.parse(address)
    paths = [wanted.path] if wanted.path else FILES
    failure: Exception | None = None
    for path in paths:
        file = dataclasses.replace(wanted, path=path)
        # Having failed to reach the hub once, we look at what is here already.
        cached = isinstance(failure, errors.LocalEntryNotFoundError)
        try:
            return download(file, cached_only=cached)
        except errors.EntryNotFoundError as error:
            failure = failure if cached else error
        except Exception as error:  # the library's errors have no base of their own
            failure = error
            break
    assert failure is not None
    raise InputError(
        f"{address} cannot be fetched: {reason(failure)}. "
        f"Wanted: {' or '.join(paths)} from {wanted.url}. Looked for in the hub's "
        f"cache at {cache()} as well. If you have the file, or can download it "
        "elsewhere, pass its path instead."
    ) from None


def download(
    file: HubFile,
    check: Callable[[Path], object] = lambda path: None,
    cached_only: bool = False,
) -> Path:
    """Downloads a file with the hub's client, unless its cache has it, and verifies it.

    A corrupt file is removed from the cache and downloaded once more.

    Args:
        file: The file, with its path.
        check: Raises `InputError` if what it is given is not the wanted file.
        cached_only: Whether to look into the cache only.

    Returns:
        The file in the cache.

    Raises:
        InputError: If the file is corrupt twice, or if `check` does not pass.
        Exception: What the client library and the disk raise.
    """
    path = _from_cache_or_hub(file, cached_only=cached_only)
    if first := _corruption(path, check):
        try:
            _remove(path)
            path = _from_cache_or_hub(file, again=True)
        except Exception as error:
            raise InputError(
                f"what was in the hub's cache is corrupt ({first}), and cannot be "
                f"replaced: {reason(error)}"
            ) from error
        if second := _corruption(path, check):
            _remove(path)
            raise InputError(f"it arrived corrupt twice: {second}")
    check(path)
    return path


def _from_cache_or_hub(
    file: HubFile, cached_only: bool = False, again: bool = False
) -> Path:
    from huggingface_hub import errors, hf_hub_download

    assert file.path is not None
    unknown = None if cached_only else unknown_host(file.url)
    with quiet():
        try:
            path = hf_hub_download(
                file.repository,
                file.path,
                revision=file.revision,
                endpoint=_endpoint(),
                local_files_only=cached_only or unknown is not None,
                force_download=again,
            )
        except errors.LocalEntryNotFoundError as error:
            raise error from unknown or error.__cause__
    return Path(path)


def _corruption(path: Path, check: Callable[[Path], object]) -> str | None:
    """What is wrong with a file of the cache, by the name that the hub gave it."""
    # One link only: what lies behind further links has other names.
    name = Path(os.readlink(path)).name if path.is_symlink() else ""
    if re.fullmatch("[0-9a-f]{64}", name):
        found = {hashes.digest(path, "sha256")}
    elif re.fullmatch("[0-9a-f]{40}", name):
        # Git's name for small files; some mirrors hash the content alone.
        found = {hashes.git_digest(path), hashes.digest(path, "sha1")}
    else:
        try:
            check(path)
        except InputError as error:
            return str(error)
        return None
    if name in found:
        return None
    return f"its hash should be {name}, but is {' or '.join(sorted(found))}"


def _remove(path: Path) -> None:
    """Removes a file of the cache, and what it links to."""
    while path.is_symlink():
        link = path
        path = path.parent / os.readlink(path)
        link.unlink()
    path.unlink(missing_ok=True)
