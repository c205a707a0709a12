"""Where a command's answers go: to people, or as one JSON object to a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from procession.config import ServerAccess, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """What every command is given first: where the data is, and how its answer is wanted."""

    home: str | None = None
    json: bool = False
    server: str | None = None

    def settings(self, **overrides: str | int | None) -> Settings:
        """The settings in force, options first. Raises SettingError."""
        from procession import config

        return config.read(home=self.home, **overrides)

    def server_access(self) -> ServerAccess | None:
        """The server to work with, or None for a home; --home beats PROCESSION_SERVER. Raises SettingError."""
        from procession import config

        if self.home is not None and self.server is not None:
            raise config.SettingError("--home and --server exclude each other")
        return None if self.home is not None else config.server_access(address=self.server)

    def answer(self, content: Mapping[str, Any], text: str) -> None:
        """The one answer of a command: `content` as JSON with --json, else `text` for people."""
        if not self.json:
            click.echo(text)
            return
        import json

        # Ids, paths and dates answer with their text.
        click.echo(json.dumps(content, default=str, ensure_ascii=False))

    def remark(self, text: str) -> None:
        """A line beside the answer, also where that is JSON: it goes to stderr."""
        click.echo(text, err=True)

    def tell(self, text: str) -> None:
        """A line for people on the way to the answer; with --json nothing."""
        if not self.json:
            click.echo(text)
