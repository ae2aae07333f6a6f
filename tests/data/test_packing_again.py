import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_tensorflow")]
if keras.backend.backend() == "tensorflow":
    from shades import contents, pictures, source

    from keras_senet.data import shard_files
    from keras_senet.data.packed import is_packed, packed
    from keras_senet.data.packing import pack
    from keras_senet.errors import InputError

KILLED = """
import sys, time
sys.path[:0] = {paths}
import shades
from keras_senet.data import shard_files
from keras_senet.data.packing import pack

fault = shard_files.fault
def slow(encoded):
    time.sleep(0.05)
    return fault(encoded)
shard_files.fault = slow
pack(shades.source(), sys.argv[1], shards=8, workers=2)
"""


@pytest.mark.slow
def test_a_killed_packing_goes_on(tmp_path):
    pack(source(), tmp_path / "whole", shards=8)
    out = tmp_path / "out"
    code = KILLED.format(paths=[str(Path(__file__).parents[1])])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("train-*"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path: path.stat().st_mtime_ns for path in out.glob("train-*")}
    assert 3 <= len(finished) < 8
    assert is_packed(out)
    with pytest.raises(InputError, match="has not finished; run the same command"):
        packed(out)
    # As if the kill had torn the line of the last shard.
    journal = out / "packing.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])
    pack(source(), out, shards=8)
    assert contents(out) == contents(tmp_path / "whole")
    kept = [path for path, at in finished.items() if path.stat().st_mtime_ns == at]
    assert len(kept) >= 2


@pytest.mark.slow
def test_a_stream_goes_on_where_it_stopped(tmp_path, monkeypatch):
    pack(source(test=None), tmp_path / "first", shards=3)
    stream = packed(tmp_path / "first")
    pack(stream, tmp_path / "whole", shards=4)
    seen = []
    with monkeypatch.context() as patch:
        # Stops at the thirtieth image, within the third shard.
        patch.setattr(
            shard_files,
            "fault",
            lambda encoded: seen.append(0) or ("stop." if len(seen) > 29 else None),
        )
        with pytest.raises(InputError, match=r"stop\."):
            pack(stream, tmp_path / "out", shards=4, workers=1)
    finished = list((tmp_path / "out").glob("train-*"))
    assert len(finished) == 2
    finished[0].unlink()
    pack(stream, tmp_path / "out", shards=4)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_what_was_skipped_is_not_forgotten(tmp_path, monkeypatch):
    """Shards that were written with `skip` are no good for `raise`."""
    train = pictures(50)
    train.contents[7] = b"no image"
    data = source(train=train)
    with monkeypatch.context() as patch:
        patch.setattr("keras_senet.data.packing._index", lambda *_: {}["stop"])
        with pytest.raises(KeyError):
            pack(data, tmp_path, on_bad_image="skip")
    with pytest.raises(InputError, match=r"7\.png: "):
        pack(data, tmp_path)


@pytest.mark.parametrize("finished", [True, False])
def test_another_plan_is_refused(tmp_path, monkeypatch, finished):
    with monkeypatch.context() as patch, contextlib.suppress(KeyError):
        if not finished:
            patch.setattr("keras_senet.data.packing._index", lambda *_: {}["stop"])
        pack(source(), tmp_path, shards=4)
    before = contents(tmp_path)
    for changes, arguments, message in (
        ({}, {"seed": 1}, "whose seed was 0, and now is 1"),
        ({}, {"shards": 5}, "whose splits was"),
        ({"name": "others"}, {}, "whose source was 'shades'"),
        ({"fingerprint": "4567"}, {}, "whose fingerprint was"),
    ):
        with pytest.raises(InputError, match=message):
            pack(source(**changes), tmp_path, **{"shards": 4} | arguments)
    assert contents(tmp_path) == before
