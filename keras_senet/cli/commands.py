"""Adding commands to the command line."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Commands:
    """The commands of a parser, or of one of its commands.

    Attributes:
        parsers: What argparse adds sub-commands to.
    """

    parsers: Any

    def add(
        self, name: str, run: Callable[[argparse.Namespace], int | None], text: str
    ) -> argparse.ArgumentParser:
        """Adds a command.

        Args:
            name: Its name.
            run: Runs it, and may return an exit code.
            text: What it does, in a few words that could begin a sentence.

        Returns:
            Its parser, to add options to.
        """
        sub = self._sub(name, text)
        sub.set_defaults(command=run)
        return sub

    def group(self, name: str, text: str) -> "Commands":
        """Adds a command that has commands of its own."""
        sub = self._sub(name, text)
        return Commands(sub.add_subparsers(required=True, metavar="COMMAND"))

    def _sub(self, name: str, text: str) -> argparse.ArgumentParser:
        sentence = f"{text[0].upper()}{text[1:]}."
        return self.parsers.add_parser(name, help=text, description=sentence)
