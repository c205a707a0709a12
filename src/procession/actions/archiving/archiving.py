"""archive at work: files packed into a zip that is the same for the same files, or taken out of one with care."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from procession.actions import database, naming, references
from procession.actions.archiving import archive_settings, zip_reading
from procession.actions.archiving.archive_settings import ArchiveSettings
from procession.actions.contract import Context, FileInput, FileOutput, OutputValue, StepOutcome
from procession.actions.problems import Problem
from procession.actions.writing import archives
from procession.model.lifecycle import StepStatus


def run(context: Context) -> StepOutcome:
    settings: ArchiveSettings = context.settings
    folder = context.folder / database.EXPORT_FOLDER
    folder.mkdir(exist_ok=True)
    # What the user has to mend is a value here, and no exception of the server's.
    try:
        # Before anything is read: a wrong property is a mistake of the process.
        for reference in archive_settings.writes(settings):
            if (kind := context.target(reference).type) != "File":
                raise Problem(f"${{{reference}}} is a {kind}, and takes no file")
        made = _pack(context, folder) if settings.do == "pack" else _unpack(context, folder)
    except Problem as problem:
        return StepOutcome(status=StepStatus.FAILED, message=str(problem))
    message, outputs = made
    return StepOutcome(status=StepStatus.SUCCESS, message=message, outputs=outputs)


def _file(context: Context, reference: str) -> FileInput:
    value = context.value(references.only([reference])[0])
    if not isinstance(value, FileInput):
        raise Problem(f"{reference} has no file")
    return value


def _pack(context: Context, folder: Path) -> tuple[str, dict[str, OutputValue]]:
    settings: ArchiveSettings = context.settings
    given = {name: references.resolve(context, value) for name, value in settings.inputs.items()}
    members = []
    for reference, wanted in archive_settings.packed(settings):
        source = _file(context, reference)
        name = naming.file_name(source.name) if wanted is None else _member_name(wanted, given)
        members.append((name, Path(source.path)))
    path = folder / "packed.zip"
    archives.pack(path, members)
    called = naming.file_name(naming.fill(settings.name or f"{context.step_key}.zip", given))
    files = "1 file" if len(members) == 1 else f"{len(members):,} files"
    outputs: dict[str, OutputValue] = {references.only([settings.output])[0]: FileOutput(path=str(path), name=called)}
    return f"{files} packed into {called}", outputs


def _member_name(wanted: str, given: Mapping[str, object]) -> str:
    # Part by part: a value with a slash in it makes no folder.
    parts = [naming.file_name(naming.fill(part, given)) for part in wanted.split("/")]
    return str(PurePosixPath(*parts))


def _unpack(context: Context, folder: Path) -> tuple[str, dict[str, OutputValue]]:
    settings: ArchiveSettings = context.settings
    source = _file(context, str(settings.files[0]))
    wanted = [(settings.pattern, settings.output), *((one.pattern, one.output) for one in settings.more)]
    outputs: dict[str, OutputValue] = {}
    taken = []
    with zip_reading.opened(source) as archive:
        # All are found before one is taken: half of them would be no use.
        members = [(archive.only(pattern), output) for pattern, output in wanted]
        for number, (member, output) in enumerate(members):
            context.progress(number / len(members), member.filename)
            # By its number: a name from outside is never a path of ours.
            path = folder / f"member {number}"
            archive.take(member, path)
            name = naming.file_name(PurePosixPath(member.filename).name)
            outputs[references.only([output])[0]] = FileOutput(path=str(path), name=name)
            taken.append(name)
    return f"{' and '.join(taken)} taken from {source.name}", outputs
