"""Fetching in processes of their own, which read the environment anew."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from weights.rows import row

import keras_senet
from keras_senet.weights import files

CONTENT = random.Random(3).randbytes(4000)
ROW = row(CONTENT, file="model.safetensors", size=None)
# Without the package's `__init__`, which takes seconds: it imports Keras.
ALONE = f"""
import sys, types
package = sys.modules["keras_senet"] = types.ModuleType("keras_senet")
package.__path__ = [{str(Path(keras_senet.__file__).parent)!r}]
from keras_senet.errors import InputError
from keras_senet.weights import files
from keras_senet.weights.checkpoint import Checkpoint, InputConvention
"""


def start(script, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", ALONE + script],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip(), err


def test_the_module_alone_is_light():
    out, _ = finish(start("print(*{m.partition('.')[0] for m in sys.modules})"))
    assert not {"huggingface_hub", "httpx2", "keras", "filelock"} & set(out.split())


@pytest.fixture
def rows(server):
    path = "/timm/x/resolve/main/model.safetensors"
    server.files[path] = CONTENT
    return {
        "hub": replace(ROW, hub="timm/x"),
        "url": replace(ROW, url=f"{server.url}{path}"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hub", "url"])
def test_two_processes_download_once(server, rows, tmp_path, kind):
    server.always = "drip"
    script = f"print(files.fetch({rows[kind]!r}))"
    both = [start(script, HF_HOME=str(tmp_path / "hf")) for _ in range(2)]
    (first, noise), (second, _) = [finish(process) for process in both]
    assert first == second
    assert Path(first).read_bytes() == CONTENT
    assert server.ranges() == [None]
    # Of all that the client could say, the progress bar alone.
    said = {line.partition(":")[0] for line in noise.replace("\r", "\n").split("\n")}
    assert said <= {"", "model.safetensors"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hub", "url"])
def test_offline_is_taken_from_the_environment(server, rows, tmp_path, kind):
    script = f"try: files.fetch({rows[kind]!r})\nexcept InputError as e: print(e)"
    out, noise = finish(start(script, HF_HOME=str(tmp_path / "hf"), HF_HUB_OFFLINE="1"))
    assert "cannot be had: HF_HUB_OFFLINE is set, so nothing is downloaded." in out
    assert str(files.local_path(rows[kind])) in out
    assert not noise and not server.seen
