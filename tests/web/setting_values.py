"""Any settings that an action takes, as a process file can say them."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from procession.actions import references

_REFERENCES = st.sampled_from(["${files.ledger}", "${files.none}", "${a.b-c}"])
_AWKWARD = [
    "",
    " ",
    "  x",
    "x ",
    "yes",
    "no",
    "true",
    "null",
    "1",
    "1.50",
    "0012",
    "10:30",
    "0o17",
    "1_000",
    "1e3",
    "on",
    "2026-01-31",
    "1,5",
    "#",
    "a: b",
    "- a",
    "'",
    '"',
]
_TEXTS = st.sampled_from(
    [*_AWKWARD, "\t", "a\nb", "a\n", "\n", "${files.ledger}", "${files", "{to: 1}", "<b>&amp;", "\r", "\x85"]
) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
_KEYS = st.sampled_from(["a", "b_2", "C", " d", "e.f", "g h", "0", "-0", "key", "kind", "n"])
_NUMBERS = st.integers(-(10**12), 10**12) | st.decimals("-1e6", "1e6", places=3, allow_nan=False)


def of_type(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of this type; also some that are too long or too small, which a form shall keep all the same."""
    match kind:
        case inspect.Metadata():
            return of_type(kind.type)
        case inspect.StructType():
            return _structs(kind)
        case inspect.UnionType():
            return st.one_of(*map(of_type, kind.types))
        case inspect.ListType() | inspect.VarTupleType():
            return st.lists(of_type(kind.item_type), max_size=3)
        case inspect.DictType():
            return st.dictionaries(_KEYS, of_type(kind.value_type), max_size=3)
        case inspect.StrType():
            return _REFERENCES if kind.pattern == references.PATTERN else _TEXTS
        case inspect.IntType() | inspect.FloatType():
            return _NUMBERS
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.EnumType():
            return st.sampled_from([one.value for one in kind.cls])
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
    return st.recursive(
        st.none() | st.booleans() | _NUMBERS | _TEXTS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=2),
        max_leaves=4,
    )


def _structs(kind: inspect.StructType) -> st.SearchStrategy[dict[str, Any]]:
    tag = {} if kind.tag_field is None else {kind.tag_field: st.just(kind.tag)}
    needed = {field.encode_name: of_type(field.type) for field in kind.fields if field.required}
    # What may be left out may also be said to be nothing.
    free = {field.encode_name: st.none() | of_type(field.type) for field in kind.fields if not field.required}
    return st.fixed_dictionaries({**tag, **needed}, optional=free)


@cache
def of_settings(settings: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    return of_type(inspect.type_info(settings))
