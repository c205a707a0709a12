"""Every place of openapi.json where a text of a client stands: paths, queries, headers, and deep inside of bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

Ids = Mapping[str, str]
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
UPLOAD = "multipart/form-data; boundary=x"
# What a body says where its schema has no example: enough to be understood.
WORDS = {"email": "mallory@example.com", "dateOfBirth": "01/02/1990", "timezone": "UTC", "scopes": "process"}
DEEP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One request, and where in it something is wrong; `documented` are the statuses that openapi.json names for it."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, bytes] = field(default_factory=dict)
    body: bytes = b""
    kind: str = ""
    documented: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.method} {self.path} {dict(self.params)} {dict(self.headers)} {self.body[:80]!r}"


Place = Callable[[str], Attack]
Where = tuple[str | int, ...]  # keys and indexes, from outside to inside
NEW_KEY = "\0"  # in a Where: one more key


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`good` is a request in order, whose body is `content`."""

    good: Attack
    pattern: str
    ids: Ids
    parameters: tuple[Mapping[str, Any], ...]
    content: Any = None

    def places(self) -> Iterator[Place]:
        """For each place, the request with a given text there and all else in order."""
        for item in self.parameters:
            yield partial(getattr(self, f"_in_{item['in']}"), item["name"])
        if self.good.kind == UPLOAD:
            yield self._in_file_name
        else:
            yield from (partial(self._in_body, where) for where in _texts_of(self.content))

    def _in_path(self, name: str, text: str) -> Attack:
        return replace(self.good, path=_path(self.pattern, {**self.ids, name: quote(text, safe="")}))

    def _in_query(self, name: str, text: str) -> Attack:
        return replace(self.good, params={name: text})

    def _in_header(self, name: str, text: str) -> Attack:
        # A client cannot send what begins another header.
        return replace(self.good, headers={name: "".join(c for c in text if c.isprintable()).encode()})

    def _in_file_name(self, text: str) -> Attack:
        return replace(self.good, body=upload(text, b"a,b\n1,2\n"))

    def _in_body(self, where: Where, text: str) -> Attack:
        return replace(self.good, body=encoded(_with(self.content, where, text), self.good.kind))


def operations(document: Mapping[str, Any], ids: Ids) -> Iterator[Operation]:
    """All of them."""
    for pattern, methods in document["paths"].items():
        for method, operation in methods.items():
            yield _operation(document, ids, f"{method.upper()} {pattern}", operation)


def _operation(document: Mapping[str, Any], ids: Ids, label: str, operation: Mapping[str, Any]) -> Operation:
    method, pattern = label.split(" ")
    taken: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(taken), "")
    schema = taken.get(kind, {})
    content = schema["example"] if "example" in schema else sample(document, schema.get("schema", {}), ids)
    sent = {"application/yaml": JSON, "multipart/form-data": UPLOAD}.get(kind, kind)
    good = Attack(
        method=method,
        path=_path(pattern, ids),
        kind=sent,
        documented=frozenset(operation["responses"]),
        body=(upload("a.csv", b"a,b\n1,2\n") if sent == UPLOAD else encoded(content, sent)) if kind else b"",
    )
    found = tuple(operation.get("parameters", ()))
    return Operation(good=good, pattern=pattern, ids=ids, parameters=found, content=content if kind else None)


def _path(pattern: str, ids: Ids) -> str:
    names = [part[1:-1] for part in pattern.split("/") if part.startswith("{")]
    return pattern.format(**{name: ids.get(name, "1") for name in names})


def sample(document: Mapping[str, Any], schema: Mapping[str, Any], ids: Ids, name: str = "", depth: int = 0) -> Any:
    """A value in order, with every property; `name` is what it is called."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    inner = partial(sample, document, ids=ids, depth=depth + 1)
    match schema.get("type"), depth < DEEP:
        case "object", True:
            return {key: inner(item, name=key) for key, item in schema.get("properties", {}).items()} or {"a": "b"}
        case "array", True:
            return [inner(schema.get("items", {}), name=name)]
        case "integer" | "number", _:
            return schema.get("minimum", 1)
        case "boolean", _:
            return False
    return _text(schema, ids, name)


def _text(schema: Mapping[str, Any], ids: Ids, name: str) -> str:
    if "enum" in schema:
        return str(schema["enum"][0])
    known = {"resourceId": "resource", "processRunId": "run", "id": "user"}
    return ids.get(known.get(name, name)) or WORDS.get(name) or next(iter(schema.get("examples", ())), "word")


def _texts_of(content: Any, where: Where = ()) -> Iterator[Where]:
    """Where the texts of a value stand, and its keys."""
    if isinstance(content, str) or content is None:
        yield from [where] if where else []
    elif isinstance(content, Mapping | list):
        for key, item in content.items() if isinstance(content, Mapping) else enumerate(content):
            yield from _texts_of(item, (*where, key))
        if isinstance(content, Mapping) and content:
            yield (*where, NEW_KEY)


def _with(content: Any, where: Where, text: str) -> Any:
    if not where:
        return text
    first, *rest = where
    if first == NEW_KEY:
        return {**content, text: "word"}
    if isinstance(content, list):
        return [_with(item, tuple(rest), text) if at == first else item for at, item in enumerate(content)]
    return {key: _with(item, tuple(rest), text) if key == first else item for key, item in content.items()}


def encoded(content: Any, kind: str) -> bytes:
    if kind == FORM:
        return urlencode({key: value for key, value in content.items() if value is not None}).encode()
    return json.dumps(content).encode()


def upload(name: str, content: bytes) -> bytes:
    """Of a file with this name, as browsers write it."""
    shown = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n\r\n'
    return head.encode(errors="surrogatepass") + content + b"\r\n--x--\r\n"
