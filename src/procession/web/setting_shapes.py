"""What form a type of settings takes: which fields, of which kinds, one in the other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.structs import replace

from procession.actions import column_names, references

# Deeper than any action of ours; a type may also hold itself.
DEPTH_MAX = 6
# A text that may be as long as this is a program, and no line.
LONG_CHARACTERS = 10_000


class ShapeKind(StrEnum):
    TEXT = "text"
    LONG = "long"
    NUMBER = "number"
    VALUE = "value"  # a number, or a reference to one
    REFERENCE = "reference"
    FLAG = "flag"
    CHOICE = "choice"
    LINES = "lines"  # a list of texts or numbers, one a line
    LIST = "list"
    ROWS = "rows"  # names with values
    STRUCT = "struct"
    KINDS = "kinds"  # one of several
    NOTHING = "nothing"
    DECISIONS = "decisions"  # a list of rules that is shown as a table
    RAW = "raw"  # YAML: a form cannot say it


LINEAR = frozenset({ShapeKind.TEXT, ShapeKind.NUMBER, ShapeKind.CHOICE})
# Several values in one.
BOXES = frozenset({ShapeKind.STRUCT, ShapeKind.LIST, ShapeKind.DECISIONS, ShapeKind.ROWS, ShapeKind.LINES})
# What has no field of its own: also the parts of a decision table.
KEPT = BOXES | {"heads", "decision", "cells", "otherwise"}
SCALAR = frozenset({*LINEAR, ShapeKind.LONG, ShapeKind.VALUE, ShapeKind.REFERENCE})


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """`label` names it among several; `tag` is the field and the value by which a file says which one it is."""

    kind: ShapeKind
    label: str = ""
    options: tuple[Any, ...] = ()
    item: Shape | None = None
    fields: tuple[ShapeField, ...] = ()
    kinds: tuple[Shape, ...] = ()
    tag: tuple[str, str | int] | None = None
    takes_names: bool = False  # of a text that may also be a reference
    columns: str | None = None  # of a text that names a column: of which setting's sources (actions/column_names)
    key_columns: str | None = None  # of rows whose names are columns, the same

    @property
    def is_grid(self) -> bool:
        """Whether rows of it fit into a table: of plain values, and of lists that can be folded away."""
        plain = {*SCALAR, ShapeKind.FLAG, ShapeKind.LINES, ShapeKind.LIST}
        return self.kind is ShapeKind.STRUCT and all(field.shape.kind in plain for field in self.fields)


class ShapeField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a Struct; `default` is None where there is none worth telling."""

    name: str
    label: str
    help: str
    shape: Shape
    is_required: bool
    default: Any = None
    is_wanted: bool = False  # may be left out, but is what most people come for
    makes_columns: bool = False  # which ones, only the rows can tell


WANTED = "x-wanted"
DECISIONS = "x-decisions"
# Typed and not chosen: which tables there are is known only where the process is published.
_PLACE = Shape(kind=ShapeKind.TEXT, label="a property of the process, or a table", takes_names=True)
RAW = Shape(kind=ShapeKind.RAW, label="something else")
NOTHING = Shape(kind=ShapeKind.NOTHING, label="nothing")


@cache
def of_settings(settings: type[msgspec.Struct]) -> Shape:
    """The shape of an action's settings."""
    return _of(inspect.type_info(settings), 0)


def _of(kind: inspect.Type, depth: int) -> Shape:
    if depth > DEPTH_MAX:
        return RAW
    match kind:
        case inspect.Metadata():
            said = kind.extra_json_schema or {}
            # A source is a plain text to msgspec, and says its pattern to others only (actions/rows/sources).
            found = _PLACE if said.get("pattern") == references.PATTERN_WITH_TABLES else _of(kind.type, depth)
            # One that may be left out says so inside.
            if found.kind is ShapeKind.TEXT and (columns := _columns_of(kind)) is not None:
                found = replace(found, columns=columns)
            found = replace(found, kind=ShapeKind.DECISIONS) if said.get(DECISIONS) else found
            title = said.get("title")
            return replace(found, label=str(title)) if title else found
        case inspect.StructType():
            return _struct(kind, depth)
        case inspect.UnionType():
            return _union([one for one in kind.types if not isinstance(one, inspect.NoneType)], kind, depth)
        case inspect.ListType() | inspect.VarTupleType():
            item = _of_several(kind.item_type, depth + 1)
            # A browser offers names in fields of one line only.
            of_list = ShapeKind.LINES if item.kind in LINEAR and item.columns is None else ShapeKind.LIST
            return Shape(kind=of_list, label="a list", item=item)
        case inspect.DictType():
            item = _of_several(kind.value_type, depth + 1)
            is_named = isinstance(_plain(kind.key_type), inspect.StrType)
            if not is_named:
                return RAW
            return Shape(
                kind=ShapeKind.ROWS, label="names and values", item=item, key_columns=_columns_of(kind.key_type)
            )
        case _:
            return _scalar(kind)


def _columns_of(kind: inspect.Type) -> str | None:
    said = kind.extra_json_schema if isinstance(kind, inspect.Metadata) else None
    return (said or {}).get(column_names.COLUMN_OF)


def _of_several(kind: inspect.Type, depth: int) -> Shape:
    """A box is its own label, which a row has not."""
    found = _of(kind, depth)
    return replace(found, kind=ShapeKind.CHOICE) if found.kind is ShapeKind.FLAG else found


def _plain(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _scalar(kind: inspect.Type) -> Shape:
    match kind:
        case inspect.StrType():
            if kind.pattern == references.PATTERN_WITH_TABLES:
                return _PLACE
            if kind.pattern == references.PATTERN:
                return Shape(kind=ShapeKind.REFERENCE, label="a property of the process")
            is_long = (kind.max_length or 0) > LONG_CHARACTERS
            return Shape(kind=ShapeKind.LONG if is_long else ShapeKind.TEXT, label="a text")
        case inspect.IntType() | inspect.FloatType() | inspect.DecimalType():
            return Shape(kind=ShapeKind.NUMBER, label="a number")
        case inspect.BoolType():
            return Shape(kind=ShapeKind.FLAG, label="yes or no", options=(True, False))
        case inspect.LiteralType():
            return Shape(kind=ShapeKind.CHOICE, label="one of a list", options=tuple(kind.values))
        case inspect.EnumType():
            return Shape(kind=ShapeKind.CHOICE, label="one of a list", options=tuple(one.value for one in kind.cls))
        case _:
            return RAW


def _struct(kind: inspect.StructType, depth: int) -> Shape:
    tag = None if kind.tag is None or kind.tag_field is None else (kind.tag_field, kind.tag)
    fields = tuple(_field(field, depth) for field in kind.fields)
    label = str(tag[1]) if tag else _said(kind.cls)
    return Shape(kind=ShapeKind.STRUCT, label=label, fields=fields, tag=tag)


def _said(cls: type) -> str:
    """What its docstring says first: "a file, and what cannot be known by looking at it"."""
    first = re.split(r"[.;:]", cls.__doc__ or "", maxsplit=1)[0].strip()
    return f"{first[:1].lower()}{first[1:]}" if first and "\n" not in first else _words(cls.__name__)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _field(field: inspect.Field, depth: int) -> ShapeField:
    described = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
    default = field.default if isinstance(field.default, str | int | float | bool) else None
    shape = _of(field.type, depth + 1)
    if not field.required:
        # What may be left out is nothing where it is empty.
        shape = replace(shape, kinds=tuple(one for one in shape.kinds if one.kind is not ShapeKind.NOTHING))
    return ShapeField(
        name=field.encode_name,
        label=field.encode_name.replace("_", " ").capitalize(),
        # Written for a page in Markdown.
        help=str((described or {}).get("description", "")).replace("`", ""),
        shape=shape,
        is_required=field.required,
        default=default,
        is_wanted=bool((described or {}).get(WANTED)),
        makes_columns=bool((described or {}).get(column_names.MAKES_COLUMNS)),
    )


def _union(members: list[inspect.Type], union: inspect.UnionType, depth: int) -> Shape:
    """Of one kind and nothing it is that kind: an empty field says nothing."""
    found = _merged([_of(member, depth) for member in members])
    if any(one.kind is ShapeKind.RAW for one in found):
        return RAW
    if len(found) == 1:
        # A box has two states, and this has three.
        return (
            replace(found[0], kind=ShapeKind.CHOICE)
            if found[0].kind is ShapeKind.FLAG and union.includes_none
            else found[0]
        )
    # Among kinds, nothing is one that a file can say.
    takes_all = any(one.kind is ShapeKind.FLAG for one in found)
    kinds = [_among(one, takes_all=takes_all) for one in found]
    return Shape(kind=ShapeKind.KINDS, kinds=(*kinds, *([NOTHING] if union.includes_none else [])))


def _among(shape: Shape, *, takes_all: bool) -> Shape:
    """As one of several; where a value may be of any type, a reference may stand for it."""
    if shape.kind is ShapeKind.FLAG:
        return replace(shape, kind=ShapeKind.CHOICE)
    if shape.kind is ShapeKind.TEXT and takes_all:
        return replace(shape, label="a property of the process, or a text", takes_names=True)
    return shape


def _merged(shapes: Iterable[Shape]) -> list[Shape]:
    """Those that one field can take together as one: int and float, a reference and any text."""
    found: dict[Any, Shape] = {}
    for shape in shapes:
        found.setdefault(shape.kind if shape.kind is not ShapeKind.STRUCT else shape.label, shape)
    kinds = set(found)
    if ShapeKind.REFERENCE in kinds and kinds & {ShapeKind.TEXT, ShapeKind.LONG}:
        del found[ShapeKind.REFERENCE]
    if ShapeKind.REFERENCE in found and ShapeKind.NUMBER in found:
        del found[ShapeKind.REFERENCE]
        found[ShapeKind.NUMBER] = Shape(kind=ShapeKind.VALUE, label="a number, or a property that holds one")
    # Any text would do as a number that is still wrong, so texts are asked first.
    return sorted(found.values(), key=_rank)


def _rank(shape: Shape) -> bool:
    return shape.kind not in {ShapeKind.REFERENCE, ShapeKind.TEXT, ShapeKind.LONG}
