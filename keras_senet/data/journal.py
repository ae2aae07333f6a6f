"""What `pack` has done so far, so that it can go on after a kill."""

import json
import threading
from pathlib import Path
from typing import Any

from keras_senet.data.packed import INDEX, JOURNAL
from keras_senet.errors import InputError
from keras_senet.files import written_whole


class Journal:
    """A file of lines: the plan of a packing, and then each finished shard.

    Args:
        root: The folder of the packed data set.
        plan: What decides the contents of all shards, as JSON values.

    Attributes:
        done: What is known of each finished shard, by the name of its file.

    Raises:
        InputError: If the folder holds something else, or what another plan made.

    Example:

    ```python
    import pathlib, tempfile
    from keras_senet.data.journal import Journal

    root = pathlib.Path(tempfile.mkdtemp())
    plan = {"source": "digits", "seed": 0}
    Journal(root, plan).add({"file": "train-0.tfrecord", "bytes": 0})
    # The file is not there, so it is not done.
    assert not Journal(root, plan).done
    ```
    """

    def __init__(self, root: Path, plan: dict[str, Any]) -> None:
        self._root = root
        self._file = root / JOURNAL
        self._lock = threading.Lock()
        lines = self._read()
        if lines:
            _compare(root, lines[0], plan)
        self.done = {
            shard["file"]: shard for shard in lines[1:] if self._is_there(shard)
        }
        # Again, since a kill may have torn the last line.
        with written_whole(self._file) as path:
            lines = [plan, *self.done.values()]
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def add(self, shard: dict[str, Any]) -> None:
        """Notes a finished shard.

        Args:
            shard: What is known of it: its `file`, its `bytes` and more.
        """
        with self._lock:
            self.done[shard["file"]] = shard
            with self._file.open("a") as file:
                file.write(json.dumps(shard) + "\n")

    def remove(self) -> None:
        """Removes the file, when there is nothing left to do."""
        self._file.unlink()

    def _read(self) -> list[dict[str, Any]]:
        if not self._root.is_dir():
            return []
        if not self._file.is_file():
            others = [x.name for x in self._root.iterdir() if x.name[0] != "."]
            if others:
                raise InputError(
                    f"{self._root} should be an empty folder; it holds {others[0]}."
                )
            return []
        lines = []
        for line in self._file.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
        return lines

    def _is_there(self, shard: dict[str, Any]) -> bool:
        file = self._root / shard["file"]
        return file.is_file() and file.stat().st_size == shard["bytes"]


def finished(root: Path, plan: dict[str, Any]) -> dict[str, Any] | None:
    """The index of a packing that has finished.

    Args:
        root: The folder of the packed data set.
        plan: What decides the contents of all shards.

    Returns:
        Its index; `None` if it has not finished.

    Raises:
        InputError: If another plan made it.
    """
    file = root / INDEX
    if not file.is_file():
        return None
    try:
        index = json.loads(file.read_text())
        made = {key: index[key] for key in plan if key != "splits"}
        made["splits"] = {
            name: {"images": split["images"], "shards": len(split["shards"])}
            for name, split in index["splits"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} cannot be read; remove {root}.") from error
    _compare(root, made, plan)
    return index


def _compare(root: Path, made: dict[str, Any], plan: dict[str, Any]) -> None:
    """Refuses to go on with what another plan began."""
    for key, new in plan.items():
        old = made.get(key)
        if old != new:
            values = f"{old!r}, and now is {new!r}"
            what = f"{key} was {values}" if len(values) < 300 else f"{key} was another"
            raise InputError(
                f"{root} holds the shards of another packing, whose {what}. Give the "
                "same arguments to go on with it, or another folder, or remove it."
            )
