"""Recipes as dictionaries, files and command lines, checked for names and types."""

import runpy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from keras_senet.data.augmentation import Augmentation, augmentation
from keras_senet.errors import InputError, near_matches
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipes import RECIPES, ready_recipe

IN_PYTHON = "RECIPE"


def recipe_from(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Recipe:
    """Makes a recipe of a dictionary, as `dataclasses.asdict` gives it.

    Args:
        values: What differs from the defaults. `augmentation` may be the name of one.
        overrides: Options of a command line, `--section.field value`.

    Returns:
        The recipe.

    Raises:
        InputError: If there is no such field, or a value is of another type, or out of
            range.
    """
    import jsonargparse

    parser = _parser()
    given = dict(values)
    random = given.pop("augmentation", None)
    if isinstance(random, str):
        random = asdict(augmentation(random))
    for name, section in given.items():
        if name != "seed" and not isinstance(section, Mapping):
            raise InputError(f"{name} should have fields. Received: {section!r}")
    if random is not None and not isinstance(random, Mapping):
        raise InputError(f"augmentation should be a name. Received: {random!r}")
    words = _checked_words(overrides)
    if random is None and any(word.startswith("--augmentation") for word in words):
        raise InputError(
            "Say which augmentation is to be changed: "
            f"--augmentation paper {' '.join(words)}"
        )
    try:
        parsed = parser.parse_object({**given, "augmentation": random or {}})
        parsed = parser.parse_args(words, namespace=parsed)
        made = parser.instantiate(parsed)
    except InputError:
        raise
    except (jsonargparse.ArgumentError, ValueError, TypeError) as error:
        raise InputError(f"The recipe cannot be: {_in_a_line(error)}") from error
    sections = dict(vars(made))
    if random is None:
        sections["augmentation"] = None
    return Recipe(**sections)


def load_recipe(name_or_file: str) -> Recipe:
    """Loads a recipe.

    Args:
        name_or_file: The name of a ready recipe; a YAML file of what differs from the
            defaults, or, if it says `base: NAME`, from a ready recipe; or a Python
            file, which is run, with a `Recipe` called `RECIPE`.

    Returns:
        The recipe.

    Raises:
        InputError: If there is none, or it is wrong.
    """
    path = Path(name_or_file)
    if path.suffix not in (".py", ".yaml", ".yml"):
        return ready_recipe(name_or_file)
    if not path.is_file():
        raise InputError(
            f"There is no file {path}. A recipe is a file, or one of "
            f"{', '.join(RECIPES)}."
        )
    return _from_python(path) if path.suffix == ".py" else _from_yaml(path)


def recipe_yaml(recipe: Recipe) -> str:
    """Writes a recipe as YAML, such that `load_recipe` reads it back.

    Args:
        recipe: Any recipe.

    Returns:
        The text.
    """
    import yaml

    return yaml.safe_dump(_plain(asdict(recipe)), sort_keys=False)


def option_lines() -> list[tuple[str, str, str]]:
    """All fields, for help: the option, its default, and what it is."""
    lines = []
    for section in fields(Recipe):
        default = getattr(Recipe(), section.name)
        if section.name == "augmentation":
            default = Augmentation()
        if not is_dataclass(default):
            text = _descriptions(Recipe)[section.name]
            lines.append((f"--{section.name}", str(default), text))
            continue
        texts = _descriptions(type(default))
        lines.extend(
            (
                f"--{section.name}.{field.name}",
                _shown(getattr(default, field.name)),
                texts[field.name],
            )
            for field in fields(default)
        )
    return lines


def _parser() -> Any:
    import jsonargparse

    parser = jsonargparse.ArgumentParser(exit_on_error=False, add_help=False)
    for section in fields(Recipe):
        default = getattr(Recipe(), section.name)
        if section.name == "augmentation":
            default = Augmentation()
        if is_dataclass(default):
            parser.add_class_arguments(type(default), section.name)
        else:
            parser.add_argument(f"--{section.name}", type=type(default))
            parser.set_defaults({section.name: default})
    return parser


def _checked_words(overrides: Sequence[str]) -> list[str]:
    """The words of a command line, with options as they are called here."""
    known = [option for option, _, _ in option_lines()]
    words = []
    for word in overrides:
        name, equals, value = word.partition("=")
        if not word.startswith("--"):
            words.append(word)
            continue
        name = f"--{name[2:].replace('-', '_')}"
        if name not in known:
            raise InputError(
                f"There is no option {word}. {near_matches(name, known, limit=5)} "
                "`keras-senet train --help` lists them."
            )
        words.append(f"{name}{equals}{value}")
    return words


def _from_yaml(path: Path) -> Recipe:
    import yaml

    try:
        values = yaml.safe_load(path.read_text()) or {}
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path} is no YAML: {_in_a_line(error)}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} should have sections, such as `model:`.")
    base = values.pop("base", None)
    try:
        if base is not None:
            values = _merged(asdict(ready_recipe(str(base))), values)
        return recipe_from(values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _from_python(path: Path) -> Recipe:
    try:
        recipe = runpy.run_path(str(path)).get(IN_PYTHON)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{path} cannot be run: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(recipe, Recipe):
        raise InputError(
            f"{path} should have a Recipe called {IN_PYTHON}. Received: {recipe!r}"
        )
    # Python does not check types.
    return recipe_from(asdict(recipe))


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for name, value in changes.items():
        inner = both.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            value = _merged(inner, value)
        both[name] = value
    return both


def _descriptions(section: type) -> dict[str, str]:
    """What the docstring says of each attribute."""
    import docstring_parser

    parsed = docstring_parser.parse(section.__doc__ or "")
    return {x.arg_name: " ".join((x.description or "").split()) for x in parsed.params}


def _plain(value: Any) -> Any:
    """Without tuples, which YAML has none of."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    import json

    return json.dumps(value).strip('"')


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())
