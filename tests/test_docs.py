"""Examples in docstrings and in the README run as they stand."""

import contextlib
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_senet

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]
README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def documented():
    """Public objects with an example in their docstring, by full name."""
    found = {}
    for module in pkgutil.walk_packages(keras_senet.__path__, "keras_senet."):
        if "replay" in module.name:
            continue
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            own = getattr(value, "__module__", None) == module.name
            applied = module.name.endswith("families") and name.startswith("SE")
            if (own or applied) and "```python" in (inspect.getdoc(value) or ""):
                found[f"{module.name}.{name}"] = value
    return found


def namespace():
    from keras_senet.data.digits import digits
    from keras_senet.export import describe

    keras.utils.set_random_seed(0)
    model = keras_senet.SEResNet20()
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    return {
        "keras": keras,
        "keras_senet": keras_senet,
        "model": model,
        "description": describe(model).description,
        "images": images,
        "test_images": images,
        "source": digits(),
    }


EXAMPLES = documented() if keras.backend.backend() == "tensorflow" else {}


def test_public_names_have_examples():
    for name in set(keras_senet.__all__) - {"__version__"}:
        assert "```python" in getattr(keras_senet, name).__doc__, name


@pytest.mark.parametrize("name", EXAMPLES)
def test_docstring(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(EXAMPLES[name].__module__)
    scope = {**namespace(), **vars(module)}
    if "evaluation_batches" in EXAMPLES[name].__doc__:
        from keras_senet.data.pipeline import evaluation_batches

        scope["evaluation_batches"] = evaluation_batches
    (code,) = BLOCK.findall(inspect.getdoc(EXAMPLES[name]))
    # Of networks without weights, only that they can be built so is of interest.
    drawn = not name.startswith("keras_senet.models.families.")
    with (
        contextlib.nullcontext()
        if drawn
        else keras.StatelessScope(initialize_variables=False)
    ):
        exec(code, scope)


@pytest.mark.parametrize("index", range(len(BLOCK.findall(README.read_text()))))
def test_readme(index, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = namespace()
    code = BLOCK.findall(README.read_text())[index]
    if "runs/" in code:
        (tmp_path / "runs" / "se_resnet20-digits").mkdir(parents=True)
        scope["model"].save("runs/se_resnet20-digits/best.keras")
    exec(code, scope)


def test_commands_of_the_readme_exist():
    from keras_senet import cli

    text = README.read_text()
    commands = re.findall(r"^(?:pip .*&& )?keras-senet (.*?)(?:  #.*)?$", text, re.M)
    assert len(commands) >= 8
    for command in commands:
        arguments = command.split()
        if arguments[-1] != "--help":
            cli.parse(arguments)


def test_readme_states_the_published_accuracies():
    from keras_senet.weights.catalog import CHECKPOINTS, IMAGENET

    rows = dict(re.findall(r"^\| (\S+) \| (.*) \|$", README.read_text(), re.M))
    for row in CHECKPOINTS:
        default = IMAGENET[row.network] == row.tag
        cells = rows[f"**`{row.tag}`**" if default else f"`{row.tag}`"]
        for number in (row.top1, row.top5, row.larger and row.larger.top1):
            assert number is None or f"{number:g}" in cells, row.tag
