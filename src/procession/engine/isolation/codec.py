"""Messages on the pipes: msgpack, with extension types for amounts and files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from procession.actions.contract import FileInput, FileOutput, OutputTarget, StepOutcome
from procession.engine.isolation.contract import Done, Heartbeat, Job, Limits, Progress
from procession.model.errors import ProcessionError
from procession.model.files import clean_name
from procession.model.lifecycle import StepStatus

# Extension codes; a user's own mapping can never be mistaken for one of these.
_DECIMAL, _BIG_INTEGER, _FILE_INPUT, _FILE_OUTPUT = 1, 2, 3, 4
_INTEGER_MAX, _INTEGER_MIN = 2**64 - 1, -(2**63)  # what msgpack can say

TEXT_CHARS_MAX = 4_000  # of a completion message or a progress message
DEPTH_MAX = 100  # of nested settings
OUTPUTS_MAX = 10_000  # of one step
_EXTENSION_BYTES_MAX = 65_536  # of a number's digits, of a file's path and name
# Where msgpack's arrays and mappings begin.
_CONTAINERS = frozenset({*range(0x80, 0xA0), *range(0xDC, 0xE0)})
_NUMBER_DIGITS_MAX = 400  # of an output, before the point and after it; more than a double can say


class Malformed(ProcessionError):
    """Bytes that are not a message of ours, or a value that cannot travel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """The keeper's last message: the worker's wait status and resource use."""

    status: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Done, and whether the process may be used again."""

    done: Done
    reusable: bool


Frame = Heartbeat | Progress | Finished | Exited


def encode_job(job: Job) -> bytes:
    """The job in msgpack. Raises Malformed for a value that cannot travel."""
    targets = {reference: (target.type, target.file_name) for reference, target in job.targets.items()}
    head = [job.action, _pack(job.settings), _pack(job.values), dict(job.types), targets]
    most = job.limits
    limits = (
        *(most.memory_bytes_max, most.file_bytes_max, most.open_files_max, most.processes_max),
        most.cpu_seconds_max,
    )
    return _encode([*head, job.folder, job.step_key, job.idempotency_key, limits])


def decode_job(payload: bytes) -> Job:
    """Decodes a job, Decimals digit by digit."""
    action, settings, values, types, targets, folder, step_key, idempotency_key, limits = _decode(payload)
    memory, file, open_files, processes, cpu = limits
    return Job(
        action=action,
        settings=settings,
        values=values,
        types=types,
        targets={key: OutputTarget(type=type_, file_name=name) for key, (type_, name) in targets.items()},
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
    )


def encode_frame(frame: Frame) -> bytes:
    """A message of the worker. Raises Malformed for an output that cannot travel."""
    match frame:
        case Heartbeat():
            return _encode(["beat"])
        case Progress():
            return _encode(["progress", frame.fraction, frame.message[:TEXT_CHARS_MAX]])
        case Exited():
            return _encode(["exit", frame.status, frame.cpu_seconds])
        case Finished():
            outcome = frame.done.outcome
            message = outcome.message[:TEXT_CHARS_MAX]
            return _encode(["done", outcome.status.value, message, _pack(outcome.outputs), frame.reusable])


def decode_frame(payload: bytes) -> Frame:
    """Decodes a worker's message. Raises Malformed: user code shares the process and may write anything."""
    try:
        said = _SAID.decode(payload)
        match said:
            case _Beat():
                return Heartbeat()
            case _Progress(fraction=fraction, message=message):
                return Progress(fraction=min(1.0, max(0.0, _finite(fraction))), message=_text(message))
            case _Exit(status=status, cpu_seconds=seconds):
                return Exited(status=status, cpu_seconds=_finite(seconds))
            case _:
                outcome = StepOutcome(
                    status=StepStatus(said.status), message=_text(said.message), outputs=_outputs(said.outputs)
                )
                return Finished(done=Done(outcome=outcome), reusable=said.reusable)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise Malformed(f"the step's process sent something that is not a message: {error}") from error


class _Beat(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="beat"):
    pass


class _Progress(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="progress"):
    fraction: float
    message: str


class _Exit(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="exit"):
    status: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]  # a wait status
    cpu_seconds: float


class _Done(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="done"):
    """`outputs` stay bytes until it is known how many they are."""

    status: Literal["Success", "Warning", "Failed"]
    message: str
    outputs: msgspec.Raw
    reusable: bool


_SAID = msgspec.msgpack.Decoder(_Beat | _Progress | _Exit | _Done)
_OUTPUTS = msgspec.msgpack.Decoder(dict[Annotated[str, msgspec.Meta(max_length=200)], msgspec.Raw])


def _text(text: str) -> str:
    """As the database can keep it: PostgreSQL takes no NUL."""
    return text[:TEXT_CHARS_MAX].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _outputs(raw: msgspec.Raw) -> dict[str, Any]:
    """Each is a value, never a list or a mapping: those could be a million in a few bytes."""
    if _count(bytes(memoryview(raw)[:5])) > OUTPUTS_MAX:
        raise ValueError(f"more than {OUTPUTS_MAX:,} outputs")
    outputs = {}
    for reference, item in _OUTPUTS.decode(raw).items():
        value = None if memoryview(item)[0] in _CONTAINERS else _decode(bytes(item))
        if memoryview(item)[0] in _CONTAINERS or not _can_be_kept(value):
            raise ValueError(f"the output {reference[:80]!r}")
        outputs[reference] = _named(value)
    return outputs


def _count(head: bytes) -> int:
    """How many entries a mapping says that it has."""
    match head[0]:
        case 0xDE:
            return int.from_bytes(head[1:3])
        case 0xDF:
            return int.from_bytes(head[1:5])
        case kind if kind & 0xF0 == 0x80:
            return kind & 0x0F
    raise ValueError("outputs that are no mapping")


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"the number {number}")
    return float(number)


def _can_be_kept(value: object) -> bool:
    match value:
        case Decimal():  # one of a few bytes, 1e999999999, would fill the memory when it is written out
            return value.is_finite() and _is_written_short(value)
        case int():
            return value.bit_length() <= 3 * _NUMBER_DIGITS_MAX
        case FileOutput():
            return "\0" not in value.path
    return value is None or isinstance(value, str)


def _is_written_short(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_NUMBER_DIGITS_MAX and number.adjusted() <= _NUMBER_DIGITS_MAX


def _named(value: Any) -> Any:
    """The name of a file goes by the rules of an upload: it is what the step's code says it is."""
    return FileOutput(path=value.path, name=clean_name(value.name)) if isinstance(value, FileOutput) else value


def _pack(value: Any, depth: int = 0) -> Any:
    """`value` with everything that msgpack does not know replaced by an extension."""
    if depth > DEPTH_MAX:
        raise Malformed(f"settings nest deeper than {DEPTH_MAX} levels")
    match value:
        case Mapping():
            return {key: _pack(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_pack(item, depth + 1) for item in value]
        case Decimal():
            return msgspec.msgpack.Ext(_DECIMAL, str(value).encode())
        case int() if not _INTEGER_MIN <= value <= _INTEGER_MAX:
            return msgspec.msgpack.Ext(_BIG_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, signed=True))
        case FileInput():
            return msgspec.msgpack.Ext(_FILE_INPUT, msgspec.msgpack.encode(value))
        case FileOutput():
            return msgspec.msgpack.Ext(_FILE_OUTPUT, msgspec.msgpack.encode(value))
    return value


def _unpack(code: int, content: memoryview) -> Any:
    if len(content) > _EXTENSION_BYTES_MAX:
        raise ValueError(f"an extension of {len(content):,} bytes")
    match code:
        case 1:
            return Decimal(bytes(content).decode())
        case 2:
            return int.from_bytes(content, signed=True)
        case 3:
            return msgspec.msgpack.decode(content, type=FileInput)
        case 4:
            return msgspec.msgpack.decode(content, type=FileOutput)
    raise ValueError(f"extension {code}")


def _encode(value: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Malformed(f"a value cannot leave the step's process: {error}") from error


def _decode(payload: bytes) -> Any:
    return msgspec.msgpack.decode(payload, ext_hook=_unpack)
