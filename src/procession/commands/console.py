"""Output of a command: text for people, or one JSON object for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from procession.commands import plain

if TYPE_CHECKING:
    from procession.config import ServerAccess, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The first argument of every command: where the data is, and the form of the answer."""

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

    def answer(self, content: Mapping[str, Any], text: str, *, is_painted: bool = False) -> None:
        """The one answer of a command: `content` as JSON with --json, else `text` for people.

        Text that is painted has colors of ours, and nothing else that could drive a terminal: its maker saw to that.
        """
        if not self.json:
            click.echo(text if is_painted else plain.lines(text))
            return
        import json

        # Ids, paths and dates answer with their text.
        click.echo(json.dumps(content, default=str, ensure_ascii=False))

    def remark(self, text: str) -> None:
        """Writes a line to stderr, beside the answer."""
        # On stderr, so that it is seen and never parsed.
        click.echo(plain.lines(text), err=True)

    def tell(self, text: str) -> None:
        """Writes a line for people before the answer; nothing with --json."""
        if not self.json:
            click.echo(plain.lines(text))
