"""What a step's process may say, and nothing else: small typed messages, each value with its range.

User code shares the process and may write anything. Whatever is not exactly a message is refused while it is read,
before it becomes objects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.msgpack import Ext

from procession.actions.contract import FileOutput, OutputValue, StepOutcome
from procession.engine.isolation.codec import BIG_INTEGER, DECIMAL, FILE_OUTPUT, Malformed, encoded, pack
from procession.engine.isolation.contract import Done, Heartbeat, Progress, Record
from procession.model.child_runs import KEY_CHARACTERS_MAX, ROWS_MAX, CalledRow
from procession.model.figures import FIGURES_MAX, NAME_CHARACTERS_MAX, Figure
from procession.model.files import clean_name
from procession.model.follow_ups import LIST_CHARS_MAX, SETTINGS_MAX, FollowUp
from procession.model.journals import RECORD_CHARS_MAX, RECORDS_MAX
from procession.model.lifecycle import StepStatus

TEXT_CHARS_MAX = 4_000  # of a completion message or a progress message
OUTPUTS_MAX = 10_000
_WHY_CHARS_MAX = 200
_REFERENCE_CHARS_MAX = 1_000
_PATH_CHARS_MAX = 4_096
_STATUS_MAX = 0xFFFF  # of a wait status
_CPU_SECONDS_MAX = 1e9
_JOBS_MAX = 2**63 - 1
_NUMBER_DIGITS_MAX = 400  # of an output, before the point and after it; more than a double can say
_NUMBER_BYTES_MAX = 1_000  # of an output that is a number, as it is sent
_LONG = b"\xa4done"  # the kind of message that may take more than one packet
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
_Path = Annotated[str, Meta(min_length=1, max_length=_PATH_CHARS_MAX, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Value = None | bool | int | str | Ext
_FigureName = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
_Figures = Annotated[dict[_FigureName, int | Ext], Meta(max_length=FIGURES_MAX)]
_Setting = Annotated[str, Meta(max_length=_REFERENCE_CHARS_MAX)] | bool
_Outputs = Annotated[dict[Annotated[str, Meta(max_length=_REFERENCE_CHARS_MAX)], _Value], Meta(max_length=OUTPUTS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """The keeper's last word: how the worker ended (a wait status) and what it had used."""

    status: int
    cpu_seconds: float
    is_over_memory: bool = False  # its control group was


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Done, for the job of this number, and whether the process may be used again."""

    done: Done
    job: int
    reusable: bool


Frame = Heartbeat | Progress | Record | Finished | Exited


class _Beat(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag="beat"):
    pass


class _Progress(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag="progress"):
    fraction: Annotated[float, Meta(ge=0, le=1)]
    message: _Text


class _Record(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag="record"):
    number: Annotated[int, Meta(ge=1, le=RECORDS_MAX)]
    entry: Annotated[str, Meta(min_length=1, max_length=RECORD_CHARS_MAX)]


class _Exit(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag="exit"):
    status: Annotated[int, Meta(ge=0, le=_STATUS_MAX)]
    cpu_seconds: Annotated[float, Meta(ge=0, le=_CPU_SECONDS_MAX)]
    is_over_memory: bool


class _FollowUp(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    settings: Annotated[dict[_FigureName, _Setting], Meta(max_length=SETTINGS_MAX)]
    listed: Annotated[str, Meta(min_length=1, max_length=LIST_CHARS_MAX)]


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1, le=_JOBS_MAX)]
    key: Annotated[str, Meta(max_length=KEY_CHARACTERS_MAX)]
    given: Annotated[
        dict[Annotated[str, Meta(max_length=_REFERENCE_CHARS_MAX)], str | bool | None], Meta(max_length=200)
    ]


class _Done(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag="done"):
    job: Annotated[int, Meta(ge=1, le=_JOBS_MAX)]
    status: Literal["Success", "Warning", "Failed"]
    message: _Text
    outputs: _Outputs
    reusable: bool
    leaves: bool = False
    figures: _Figures = {}
    rows: Annotated[list[_Row], Meta(max_length=ROWS_MAX)] | None = None
    follow_up: _FollowUp | None = None


class _File(msgspec.Struct):
    path: _Path
    name: Annotated[str, Meta(max_length=_PATH_CHARS_MAX)]


_ENDS = {"Success": StepStatus.SUCCESS, "Warning": StepStatus.WARNING, "Failed": StepStatus.FAILED}

_Wire = _Beat | _Progress | _Record | _Exit | _Done
_decoder: msgspec.msgpack.Decoder[_Wire] = msgspec.msgpack.Decoder(_Wire)
_file_decoder = msgspec.msgpack.Decoder(_File)


def encode(frame: Frame) -> bytes:
    """A message of the worker. Raises Malformed for an output that cannot travel."""
    return encoded(_wire(frame))


def decode(payload: bytes) -> Frame:
    """What a worker said. Raises Malformed."""
    try:
        match _decoder.decode(payload):
            case _Beat():
                return Heartbeat()
            case _Progress(fraction=fraction, message=message):
                return Progress(fraction=fraction, message=shown(message))
            case _Record(number=number, entry=entry):
                return Record(number=number, entry=shown(entry))
            case _Exit(status=status, cpu_seconds=seconds, is_over_memory=is_over_memory):
                return Exited(status=status, cpu_seconds=seconds, is_over_memory=is_over_memory)
            case _Done() as done:
                return _finished(done)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        why = shown(str(error)[:_WHY_CHARS_MAX])  # it may hold what was sent
        raise Malformed(f"the step's process sent something that is not a message: {why}") from error


def may_be_long(start: bytes) -> bool:
    """Whether a message that begins like this may take more than one packet."""
    return start.startswith(_LONG, 1)


def _wire(frame: Frame) -> _Wire:
    match frame:
        case Heartbeat():
            return _Beat()
        case Progress(fraction=fraction, message=message):
            return _Progress(fraction, _told(message))
        case Record(number=number, entry=entry):
            return _Record(number, entry)
        case Exited(status=status, cpu_seconds=seconds, is_over_memory=is_over_memory):
            return _Exit(status, seconds, is_over_memory)
        case Finished(done=Done(outcome=outcome, leaves=leaves), job=job, reusable=reusable):
            outputs = {reference: _packed(reference, value) for reference, value in outcome.outputs.items()}
            figures = {name: _packed(name, value) for name, value in outcome.figures.items()}
            said = _told(outcome.message)
            more = (_rows(outcome), _follow_up(outcome))
            return _Done(job, outcome.status.value, said, outputs, reusable, leaves, figures, *more)  # type: ignore[arg-type]


def _rows(outcome: StepOutcome) -> list[_Row] | None:
    return None if outcome.rows is None else [_Row(row.number, row.key, dict(row.given)) for row in outcome.rows]


def _follow_up(outcome: StepOutcome) -> _FollowUp | None:
    asked = outcome.follow_up
    return None if asked is None else _FollowUp(asked.settings, asked.listed)


def _told(message: str) -> str:
    """An exception's text may hold half a pair of UTF-16, which cannot travel."""
    return message[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode()


def _packed(reference: str, value: OutputValue) -> _Value:
    """Refused here in words about the output; refused there it is only not a message."""
    if (why := _trouble(value)) is not None:
        raise Malformed(f"the output {str(reference)[:80]} {why}")
    packed: _Value = pack(value)
    return packed


def _trouble(value: object) -> str | None:
    """Why an output cannot be kept."""
    match value:
        case Decimal() if not value.is_finite():
            return f"is the number {value}"
        case Decimal() if not _is_written_short(value):  # 1e999999999 would fill the memory when it is written out
            return f"is a number of more than {_NUMBER_DIGITS_MAX} digits"
        case int() if value.bit_length() > 3 * _NUMBER_DIGITS_MAX:
            return f"is a number of more than {_NUMBER_DIGITS_MAX} digits"
        case FileOutput(path=path) if len(path) > _PATH_CHARS_MAX or _CONTROL.search(path) or "\n" in path:
            return "is a file whose path is too long or holds control characters"
        case FileOutput(path=path, name=name) if not _is_text(path + name):
            return "is a file whose name is not text in UTF-8"
        case str() if not _is_text(value):
            return "is a text that UTF-8 cannot say"
        case None | bool() | int() | str() | Decimal() | FileOutput():
            return None
    return f"is of the type {type(value).__name__}: such a value cannot leave the step's process"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_written_short(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_NUMBER_DIGITS_MAX and number.adjusted() <= _NUMBER_DIGITS_MAX


def _finished(said: _Done) -> Finished:
    outputs = {reference: _unpacked(reference, value) for reference, value in said.outputs.items()}
    outcome = StepOutcome(
        status=_ENDS[said.status],
        message=shown(said.message),
        outputs=outputs,
        figures={shown(name): _figure(name, value) for name, value in said.figures.items()},
        rows=None
        if said.rows is None
        else tuple(CalledRow(number=row.number, key=shown(row.key), given=row.given) for row in said.rows),
        follow_up=None if (asked := said.follow_up) is None else FollowUp(settings=asked.settings, listed=asked.listed),
    )
    return Finished(done=Done(outcome=outcome, leaves=said.leaves), job=said.job, reusable=said.reusable)


def _unpacked(reference: str, value: _Value) -> OutputValue:
    if not isinstance(value, Ext):
        return value
    found = _extension(value.code, bytes(value.data))
    if (why := _trouble(found)) is not None:
        raise ValueError(f"the output {reference[:80]!r} {why}")
    return found


def _figure(name: str, value: int | Ext) -> Figure:
    found = _unpacked(name, value)
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise ValueError(f"the figure {name[:80]!r} is no number")
    return found


def _extension(code: int, content: bytes) -> OutputValue:
    if code == FILE_OUTPUT:
        file = _file_decoder.decode(content)
        # The name goes by the rules of an upload: it is what the step's code says it is.
        return FileOutput(path=file.path, name=clean_name(file.name))
    if code not in (DECIMAL, BIG_INTEGER) or len(content) > _NUMBER_BYTES_MAX:
        raise ValueError(f"an extension {code} of {len(content):,} bytes")
    return Decimal(content.decode()) if code == DECIMAL else int.from_bytes(content, signed=True)


def shown(text: str) -> str:
    """What people read in a terminal and a browser must not steer them."""
    return _CONTROL.sub("\ufffd", text)
