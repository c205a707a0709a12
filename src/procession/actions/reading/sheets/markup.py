"""XML in one pass over its pieces. A document type declaration is refused, so that no entity is ever expanded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

from procession.actions.problems import Problem

Attributes = dict[str, str]
# ECMA-376, ST_OnOff: transitional files may say `on` where XML Schema says 1 or true.
_TRUE = frozenset({"1", "true", "on"})
# A longer tag or comment is in no workbook. Before version 2.6, expat begins it anew with each piece that it is given.
_TOKEN_BYTES_MAX = 1 << 20


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What is called with the local name of an element (no prefix), and with its text, which may come in parts."""

    start: Callable[[str, Attributes], None]
    end: Callable[[str], None] = _nothing
    text: Callable[[str], None] | None = None


def feed(chunks: Iterable[bytes], handlers: Handlers, what: str, *, checks_prefixes: bool = False) -> Iterator[None]:
    """Parses, and pauses after each chunk. Raises Problem that names `what` when it is not well-formed.

    `checks_prefixes`: each must be declared; attributes have the names of their spaces for prefixes then.
    """
    parser = expat.ParserCreate(namespace_separator=":") if checks_prefixes else expat.ParserCreate()
    # Without it expat calls for each line and each entity of a text.
    parser.buffer_text = True
    parser.StartElementHandler = _first(parser, handlers)
    parser.StartDoctypeDeclHandler = _refuse(what)
    if handlers.text is not None:
        parser.CharacterDataHandler = handlers.text
    try:
        for _ in _parsed(parser, chunks, what):
            yield
        parser.Parse(b"", True)
        yield
    except (expat.ExpatError, UnicodeError) as error:
        raise Problem(f"{what} is damaged: {error}") from error


def parse(chunks: Iterable[bytes], handlers: Handlers, what: str) -> None:
    """Parses to the end."""
    for _ in feed(chunks, handlers, what):
        pass


def _parsed(parser: expat.XMLParserType, chunks: Iterable[bytes], what: str) -> Iterator[None]:
    size = 0
    for chunk in chunks:
        parser.Parse(chunk, False)
        size += len(chunk)
        if size - parser.CurrentByteIndex > _TOKEN_BYTES_MAX:
            raise Problem(f"{what} is damaged: it has a tag or a comment of more than {_TOKEN_BYTES_MAX >> 20} MiB")
        yield


def is_true(attributes: Attributes, name: str) -> bool:
    return attributes.get(name, "").lower() in _TRUE


def local(attributes: Attributes, name: str) -> str:
    """The attribute of that name with any prefix; "" when there is none."""
    return next((value for key, value in attributes.items() if key.rpartition(":")[2] == name and ":" in key), "")


def _first(parser: expat.XMLParserType, handlers: Handlers) -> Callable[[str, Attributes], None]:
    """Handles the root. Names lose their prefix only where the root has one: most sheets have none, and many cells."""

    def start(name: str, attributes: Attributes) -> None:
        default = attributes.get("xmlns")
        if ":" in name or any(key[:6] == "xmlns:" and value == default for key, value in attributes.items()):
            parser.StartElementHandler = _without_prefix(handlers.start)
            parser.EndElementHandler = _without_prefix(handlers.end)
        else:
            parser.StartElementHandler = handlers.start
            parser.EndElementHandler = handlers.end
        handlers.start(name.rpartition(":")[2], attributes)

    return start


def _without_prefix(handler: Callable[..., None]) -> Callable[..., None]:
    def call(name: str, *arguments: Attributes) -> None:
        handler(name.rpartition(":")[2] if ":" in name else name, *arguments)

    return call


def _refuse(what: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise Problem(f"{what} has a document type declaration, which no spreadsheet program writes; it is not read")

    return refuse
