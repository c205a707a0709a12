"""Another side of a transfer as tests see it, whatever it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from procession.actions.contract import ConnectionInput


@dataclass(slots=True, kw_only=True)
class Site:
    """`connection` leads to `root`; what is put into `root` is there for whoever comes by it."""

    kind: str
    root: Path
    connection: ConnectionInput

    def put(self, path: str, content: bytes = b"x") -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place

    def names(self, folder: str = "") -> list[str]:
        place = self.root / folder
        return sorted(one.name for one in place.iterdir() if one.is_file()) if place.is_dir() else []

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def version(self, path: str) -> object:
        """Another one whenever it is written."""
        return (self.root / path).stat().st_mtime_ns

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def folder(self, *names: str) -> None:
        for name in names:
            (self.root / name).mkdir(parents=True, exist_ok=True)
