"""The command line: parse, call, print."""

import argparse
import io
import os
import sys

from keras_senet.cli import (
    compare,
    data,
    evaluate,
    explain,
    exports,
    networks,
    predict,
    report,
    reproduction,
    train,
    weights,
)
from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError
from keras_senet.version import __version__


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Instead of those of the process.

    Returns:
        The exit code: 0; 1 if a check found something; or 2 after a one-line error
        about the input.
    """
    # TensorFlow's start-up messages hide our own; a user's setting wins.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parsed = parse(arguments)
    # Diagrams have lines that not every terminal can write.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = parsed.command(parsed) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads our output has seen enough; nor can Python's last flush go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except InputError as error:
        print(f"keras-senet: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"keras-senet: error: {error.strerror or error}{where}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(
            f"keras-senet: error: {error.name} is not installed. Install what "
            'this command needs: pip install "keras_senet[all]"',
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("\nkeras-senet: interrupted", file=sys.stderr)
        return 130
    return code


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses a command line; the process ends if it is wrong.

    Args:
        arguments: Instead of those of the process.

    Returns:
        The options, and in `fields_given` those with the names of fields of a recipe,
        which are checked with the recipe.
    """
    top = parser()
    parsed, rest = top.parse_known_args(arguments)
    with_fields = parsed.command in (train.train, reproduction.reproduce)
    if rest and not (with_fields and _are_fields(rest)):
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    parsed.fields_given = rest
    return parsed


def _are_fields(words: list[str]) -> bool:
    """Whether the options that are left have the names of fields."""
    options = [word for word in words if word.startswith("--")]
    return words[0].startswith("--") and all("." in x or "=" in x for x in options)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="keras-senet",
        description="Squeeze-and-Excitation networks: data, train, evaluate, export.",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = Commands(top.add_subparsers(required=True, metavar="COMMAND"))
    modules = (train, evaluate, explain, report, exports, predict, compare)
    for module in (*modules, reproduction, data, networks, weights):
        module.add(commands)
    return top
