"""transfer_files: its settings, their references and mistakes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from procession.actions import extras, naming
from procession.actions.references import Given, Name, ReferenceText, mistakes, only
from procession.actions.transferring import remote_names
from procession.model.processes import Effect

FILES_MAX = 1_000  # of a step; who has more takes several steps
MEGABYTES_MAX = 4_096
_Name = Annotated[str, Meta(max_length=200)]
_Folder = Annotated[str, Meta(max_length=500)]
_MOVE_TO = "move to "
_After = Annotated[str, Meta(max_length=500, pattern=r"^(delete|move to [^ ].*)$")]
_FOLDER = "below the folder that the connection may reach; {key} stands for an input"


class TransferOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    file: Annotated[
        ReferenceText | None, Meta(description="the one file that was fetched; more than one is refused")
    ] = None
    files: Annotated[
        ReferenceText | None, Meta(description="all files that were fetched, as a zip, however many they are")
    ] = None
    list: Annotated[
        ReferenceText | None,
        Meta(description="a CSV of the files: name, size_bytes, modified_at, and sha256 of those fetched or left"),
    ] = None
    count: Annotated[ReferenceText | None, Meta(description="how many files")] = None


class TransferSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connection: Annotated[
        str, Meta(min_length=1, max_length=100, description="its name; of SFTP, S3, Azure or a folder")
    ]
    do: Annotated[
        Literal["get", "put", "list", "move", "delete"],
        Meta(description="fetch files, leave files there, list them, move them to another folder, or delete them"),
    ]
    path: Annotated[str, Meta(max_length=500, description=f"the folder there, {_FOLDER}")] = ""
    pattern: Annotated[
        _Name | None,
        Meta(description="names of files: * for any letters, ? for one, every other letter is itself, also [ and case"),
    ] = None
    listed: Annotated[
        ReferenceText | None,
        Meta(
            description="move, delete: the list of an earlier step: only its files, and each only if it has not changed"
        ),
    ] = None
    files: Annotated[
        tuple[ReferenceText, ...], Meta(max_length=100, description="put: the files to leave there, by their names")
    ] = ()
    name: Annotated[_Name | None, Meta(description="put: another name for the one file; {key} stands for an input")] = (
        None
    )
    to: Annotated[_Folder | None, Meta(description=f"move: the folder there, {_FOLDER}")] = None
    inputs: Annotated[
        dict[Name, Given], Meta(description="values for {key} in path, pattern, name and to: references or constants")
    ] = {}
    after: Annotated[
        _After | None,
        Meta(
            description='get: what becomes of the fetched files there: "move to done/" or "delete". It is done once the'
            f" step's files are kept, and for a file that is still as it was fetched; the folder is {_FOLDER}"
        ),
    ] = None
    overwrite: Annotated[
        bool, Meta(description="put, move, after: replace a file of this name that has another content")
    ] = False
    none: Annotated[Literal["warn", "fail"], Meta(description="what becomes of the step when no file is found")] = (
        "warn"
    )
    settle_seconds: Annotated[
        float,
        Meta(
            ge=0, le=600, description="get: a file that changes within this time is still being written, and left out"
        ),
    ] = 2.0
    at_most: Annotated[
        int, Meta(ge=1, le=FILES_MAX, description="more files are refused, and nothing is done with any")
    ] = FILES_MAX
    max_mb: Annotated[
        int, Meta(ge=1, le=MEGABYTES_MAX, description="megabytes of all files in sum; more are refused")
    ] = MEGABYTES_MAX
    outputs: Annotated[TransferOutputs, Meta(description="what becomes of it")] = TransferOutputs()


def outputs(settings: TransferSettings) -> tuple[str | None, ...]:
    given = settings.outputs
    return given.file, given.files, given.list, given.count


def reads(settings: TransferSettings) -> tuple[str, ...]:
    return only((*settings.files, settings.listed, *settings.inputs.values()))


def writes(settings: TransferSettings) -> tuple[str, ...]:
    return only(outputs(settings))


def effect_of(settings: TransferSettings) -> Effect:
    # get and list leave everything as it is there; the others come to the same when they are done again.
    leaves_all = settings.do in {"get", "list"} and settings.after is None
    return Effect.PURE if leaves_all else Effect.IDEMPOTENT


def folder_after(settings: TransferSettings) -> str | None:
    """The folder that fetched files are moved to afterwards; None for none."""
    after = settings.after or ""
    if not after.startswith(_MOVE_TO):
        return None
    folder = after.removeprefix(_MOVE_TO)
    # One slash alone stays, and is refused as absolute.
    return folder if folder == "/" else folder.removesuffix("/")


def check(settings: TransferSettings) -> tuple[str, ...]:
    """More mistakes, in the user's words."""
    found = list(extras.lacking("asyncssh", extra="sftp", what="transfers of files"))
    for place, value in settings.inputs.items():
        found += mistakes(f"inputs.{place}", value)
    for place, text in (
        ("path", settings.path),
        ("pattern", settings.pattern),
        ("name", settings.name),
        ("to", settings.to),
        ("after", settings.after),
    ):
        found += naming.mistakes(place, text, settings.inputs)
    return (*found, *name_mistakes(settings), *_fits(settings))


def name_mistakes(settings: TransferSettings) -> list[str]:
    """What can be said of folders and names before their keys are filled in, and is asked again when they are."""
    found = []
    for place, text in (("path", settings.path), ("to", settings.to or ""), ("after", folder_after(settings) or "")):
        if why := remote_names.folder_mistake(text):
            found.append(f"{place}: {why}")
    for place, name in (("pattern", settings.pattern), ("name", settings.name)):
        if name is not None and (why := remote_names.name_mistake(name)):
            found.append(f"{place}: {why}")
    return found


def _fits(settings: TransferSettings) -> list[str]:
    """Settings that belong together, and those that another `do` has."""
    do, found = settings.do, []
    needed = {"put": ("files",), "move": ("to",)}.get(do, ())
    found += [f'{do} needs "{name}"' for name in needed if not getattr(settings, name)]
    if do in {"get", "list", "move", "delete"} and settings.pattern is None and settings.listed is None:
        found.append(f'{do} needs "pattern", such as "*.xml"' + (', or "listed"' if do in {"move", "delete"} else ""))
    if settings.pattern is not None and settings.listed is not None:
        found.append('give "pattern" or "listed", not both')
    # A setting that counts for nothing would look as if it did.
    for name, doers in _ONLY.items():
        if getattr(settings, name) and do not in doers:
            found.append(f'{do} has no "{name}"')
    if settings.name is not None and len(settings.files) != 1:
        found.append('"name" names one file, so "files" must hold exactly one')
    got = settings.outputs
    if do == "get" and not (got.file or got.files):
        found.append('get needs "outputs.file" for one file, or "outputs.files" for any number')
    if do != "get" and (got.file or got.files):
        found.append(f"{do} fetches no file: it has outputs.list and outputs.count")
    if do == "get" and settings.overwrite and folder_after(settings) is None:
        found.append('get has no "overwrite", unless the files are moved afterwards')
    if do == "list" and not (got.list or got.count):
        found.append('list needs "outputs.list" or "outputs.count"')
    return found


_ONLY = {
    "files": {"put"},
    "name": {"put"},
    "pattern": {"get", "list", "move", "delete"},
    "listed": {"move", "delete"},
    "to": {"move"},
    "after": {"get"},
    "overwrite": {"put", "move", "get"},
}
