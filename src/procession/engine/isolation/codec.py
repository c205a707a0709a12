"""The job as bytes: msgpack, with extension types so that money and files arrive as what they were.

What comes back is in frames.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from procession.actions.contract import ConnectionInput, FileInput, FileOutput, OutputTarget, TableInput
from procession.actions.run_facts import RunFacts
from procession.engine.isolation.contract import Job, Limits
from procession.model.columns import Column
from procession.model.errors import ProcessionError

# Extension codes; a user's own mapping can never be mistaken for one of these.
DECIMAL, BIG_INTEGER, FILE_INPUT, FILE_OUTPUT, TABLE_INPUT = 1, 2, 3, 4, 5
_INTEGER_MAX, _INTEGER_MIN = 2**64 - 1, -(2**63)  # what msgpack can say
_PLAIN = frozenset({str, float, bool})
DEPTH_MAX = 100  # of nested settings


class Malformed(ProcessionError):
    """Bytes that are not a message of ours, or a value that cannot travel."""


def encode_job(job: Job, *, number: int) -> bytes:
    """The job in msgpack, as the how-many-th of its process. Raises Malformed for a value that cannot travel."""
    targets = {reference: _target(target) for reference, target in job.targets.items()}
    head = [job.action, pack(job.settings), pack(job.values), dict(job.types), targets]
    most = job.limits
    limits = (
        *(most.memory_bytes_max, most.file_bytes_max, most.open_files_max, most.processes_max),
        most.cpu_seconds_max,
    )
    more = [None if job.connection is None else msgspec.to_builtins(job.connection), list(job.journal), job.previews]
    about = None if job.about is None else msgspec.to_builtins(job.about)
    return encoded([*head, job.folder, job.step_key, job.idempotency_key, limits, number, *more, about])


def _target(target: OutputTarget) -> tuple[str, str, Any, Any]:
    return target.type, target.file_name, msgspec.to_builtins(target.columns), dict(target.appended)


def decode_job(payload: bytes) -> Job:
    """Decodes a job, Decimals digit by digit."""
    action, settings, values, types, targets, *more = _decode(payload)
    folder, step_key, idempotency_key, limits, number, connection, journal, previews, about = more
    memory, file, open_files, processes, cpu = limits
    return Job(
        action=action,
        settings=settings,
        values=values,
        types=types,
        targets={
            key: OutputTarget(
                type=type_, file_name=name, columns=msgspec.convert(columns, tuple[Column, ...]), appended=appended
            )
            for key, (type_, name, columns, appended) in targets.items()
        },
        folder=folder,
        step_key=step_key,
        idempotency_key=idempotency_key,
        limits=Limits(
            memory_bytes_max=memory,
            file_bytes_max=file,
            open_files_max=open_files,
            processes_max=processes,
            cpu_seconds_max=cpu,
        ),
        connection=None if connection is None else msgspec.convert(connection, ConnectionInput),
        journal=tuple(journal),
        previews=previews,
        number=number,
        about=None if about is None else msgspec.convert(about, RunFacts),
    )


def encode_acknowledgement(number: int) -> bytes:
    """That what was recorded under this number is on disk."""
    return encoded(number)


def decode_acknowledgement(payload: bytes) -> int:
    return msgspec.msgpack.decode(payload, type=int)


def pack(value: Any, depth: int = 0) -> Any:
    """`value` with everything that msgpack does not know replaced by an extension."""
    if value is None or type(value) in _PLAIN:
        return value  # most are: once a step, asking for each kind took 2 us a value
    if depth > DEPTH_MAX:
        raise Malformed(f"settings nest deeper than {DEPTH_MAX} levels")
    match value:
        case Mapping():
            return {key: pack(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [pack(item, depth + 1) for item in value]
        case Decimal():
            return msgspec.msgpack.Ext(DECIMAL, str(value).encode())
        case int() if not _INTEGER_MIN <= value <= _INTEGER_MAX:
            return msgspec.msgpack.Ext(BIG_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, signed=True))
        case FileInput():
            return msgspec.msgpack.Ext(FILE_INPUT, msgspec.msgpack.encode(value))
        case FileOutput():
            return msgspec.msgpack.Ext(FILE_OUTPUT, msgspec.msgpack.encode(value))
        case TableInput():
            return msgspec.msgpack.Ext(TABLE_INPUT, msgspec.msgpack.encode(value))
    return value


def _unpack(code: int, content: memoryview) -> Any:
    match code:
        case 1:
            return Decimal(bytes(content).decode())
        case 2:
            return int.from_bytes(content, signed=True)
        case 3:
            return msgspec.msgpack.decode(content, type=FileInput)
        case 4:
            return msgspec.msgpack.decode(content, type=FileOutput)
        case 5:
            return msgspec.msgpack.decode(content, type=TableInput)
    raise ValueError(f"extension {code}")


def encoded(value: Any) -> bytes:
    """In msgpack. Raises Malformed for what msgpack cannot say."""
    try:
        return msgspec.msgpack.encode(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Malformed(f"a value cannot leave the step's process: {error}") from error


def _decode(payload: bytes) -> Any:
    return msgspec.msgpack.decode(payload, ext_hook=_unpack)
