"""Settings of archive: what is packed under which names, or what is taken out and where it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import naming, references
from procession.actions.references import Given, Name, ReferenceText

Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
FILES_MAX, TAKEN_MAX = 100, 50


class PackedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file under another name."""

    file: Annotated[ReferenceText, msgspec.Meta(description="the property that holds it")]
    as_: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)],
        msgspec.Meta(description="its name in the zip, with {key} of inputs; folders are written with /"),
    ] = msgspec.field(name="as")


class TakenFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more file of the archive."""

    pattern: Annotated[Pattern, msgspec.Meta(description="its name, where * stands for any letters")]
    output: Annotated[ReferenceText, msgspec.Meta(description="the property that takes it")]


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    do: Annotated[Literal["pack", "unpack"], msgspec.Meta(description="make a zip of files, or take files out of one")]
    files: Annotated[
        list[ReferenceText | PackedFile],
        msgspec.Meta(min_length=1, max_length=FILES_MAX, description="the files to pack; unpack: the zip, one"),
    ]
    name: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None,
        msgspec.Meta(description="pack: the name of the zip, with {key} of inputs"),
    ] = None
    pattern: Annotated[
        Pattern, msgspec.Meta(description="unpack: the name of the file to take, where * stands for any letters")
    ] = "*"
    output: Annotated[ReferenceText, msgspec.Meta(description="the property that takes the zip, or the file")]
    more: Annotated[
        list[TakenFile], msgspec.Meta(max_length=TAKEN_MAX, description="unpack: other files to take, and where to")
    ] = []
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values for {key} in names")] = {}


def packed(settings: ArchiveSettings) -> list[tuple[str, str | None]]:
    """The reference of each file, and the name that it is given."""
    return [(one.file, one.as_) if isinstance(one, PackedFile) else (one, None) for one in settings.files]


def reads(settings: ArchiveSettings) -> tuple[str, ...]:
    return references.only([*(file for file, _ in packed(settings)), *settings.inputs.values()])


def writes(settings: ArchiveSettings) -> tuple[str, ...]:
    return references.only([settings.output, *(one.output for one in settings.more)])


def check(settings: ArchiveSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    return tuple(_pack(settings) if settings.do == "pack" else _unpack(settings))


def _pack(settings: ArchiveSettings) -> Iterator[str]:
    if settings.pattern != "*":
        yield "pattern: means nothing for pack"
    if settings.more:
        yield "more: means nothing for pack"
    yield from naming.mistakes("name", settings.name, settings.inputs)
    if settings.name is not None and not settings.name.lower().endswith(".zip"):
        yield f"name: {settings.name} must end in .zip"
    for number, (_, name) in enumerate(packed(settings), start=1):
        yield from naming.mistakes(f"files.{number}.as", name, settings.inputs)
        if name is not None and (said := naming.path_mistake(name)):
            yield f'files.{number}.as: "{name}" {said}'


def _unpack(settings: ArchiveSettings) -> Iterator[str]:
    if len(settings.files) > 1 or not isinstance(settings.files[0], str):
        yield "files: unpack takes one zip, under its own name"
    if settings.name is not None:
        yield "name: means nothing for unpack; a file keeps the name that it has in the zip"
    outputs = [settings.output, *(one.output for one in settings.more)]
    if len(set(outputs)) < len(outputs):
        yield "more: two files would go to one property"
