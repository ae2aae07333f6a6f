"""Runs signatures of a SavedModel in a fresh process through the C++ loader."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).with_name("cpp_session.py")


def meta_graph(saved_model):
    from tensorflow.core.protobuf import saved_model_pb2

    content = (saved_model / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]


def run_signatures(saved_model, requests, folder, tensorflow=None):
    """Answers requests, each a pair of a signature and arrays by name of the input.

    Args:
        saved_model: The folder of the version.
        requests: The pairs; strings are arrays of objects, `bytes`.
        folder: An empty one.
        tensorflow: Where the library lies, by default TensorFlow's own place.
    """
    import tensorflow as tf

    definitions = meta_graph(saved_model).signature_def
    runs = []
    for number, (signature, inputs) in enumerate(requests):
        definition, feeds = definitions[signature], {}
        for name, array in inputs.items():
            file = folder / f"{number}-{name}.npy"
            np.save(file, array)
            feeds[definition.inputs[name].name] = str(file)
        fetches = [output.name for output in definition.outputs.values()]
        runs.append({"feeds": feeds, "fetches": fetches})
    (folder / "runs.json").write_text(json.dumps(runs))
    answers = folder / "answers.npz"
    place = tensorflow or Path(tf.__file__).parent
    command = [sys.executable, SCRIPT, place, saved_model, folder / "runs.json"]
    done = subprocess.run(
        [*map(str, command), str(answers)], capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    with np.load(answers) as arrays:
        return [
            {
                name: arrays[f"{number}/{output.name}"]
                for name, output in definitions[signature].outputs.items()
            }
            for number, (signature, _) in enumerate(requests)
        ]
