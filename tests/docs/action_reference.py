"""docs/actions.md, written from the actions' settings and their examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

from procession.actions.contract import Action, Example
from tests.docs import words

PAGE = """# Actions: what a step can do

<!-- Written from the actions themselves. To renew it: make docs -->

An action step names one of these kinds under `action`, and its settings under `with`. `procession apply` checks the settings,
every reference in them, and the grammar of Python and SQL, before anything runs. Each example below is run as a test, and gives
what it says to the byte.

`${{step.property}}` is a property of a data step: its value, or its file. `${{table:Name}}` is a managed table
([Tables in steps](tables.md)). References are looked up and never evaluated.
[process-file.md](process-file.md) describes everything around the settings; [scripts.md](scripts.md) what a script may do.
What `effect` means, and what a crash, a retry and a restart then repeat, is in [crash.md](crash.md).

{contents}

{actions}

{parts}"""
KINDS_OF_EFFECT = {
    "pure": "it changes nothing but its outputs",
    "idempotent": "it may happen again without harm",
    "once": "it is never repeated unless somebody releases it by name",
}
# Of each kind with Action.effect_of: one that lacks its words fails the docs.
BY_SETTINGS = {
    "import_table": "`pure`, and `idempotent` where it replaces rows of a table, or changes them by their key",
    "call_http": "`pure` for GET and HEAD, `idempotent` for PUT and DELETE and with `idempotent: true`, and else `once`",
    "write_database": "`idempotent`, but `once` for `append` without `batch`",
    "transfer_files": "`pure` for get and list that leave everything as it is there, and else `idempotent`",
}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def page(book: Mapping[str, Action]) -> str:
    kinds = list(book)
    schemas, components = msgspec.json.schema_components(
        [book[kind].settings for kind in kinds], ref_template="#/$defs/{name}"
    )
    own = {schema["$ref"].removeprefix("#/$defs/") for schema in schemas}
    sections = [
        _action(book[kind], components[schema["$ref"].removeprefix("#/$defs/")])
        for kind, schema in zip(kinds, schemas, strict=True)
    ]
    parts = [_part(name, schema) for name, schema in components.items() if name not in own]
    return PAGE.format(
        contents=words.table("action | what it does", ((f"[`{kind}`](#{kind})", book[kind].title) for kind in kinds)),
        actions="\n".join(sections),
        parts="\n".join(parts),
    )


def _action(action: Action, schema: Mapping[str, Any]) -> str:
    effect = f"A step is `effect: {action.effect}` unless its file says otherwise: {KINDS_OF_EFFECT[action.effect]}."
    if action.effect_of is not None:
        effect = f"The effect of a step, unless its file says it, is {BY_SETTINGS[action.kind]}."
    lines = [f"## {action.kind}", "", f"{action.title}. {effect}"]
    lines += ["", words.fields(schema), ""]
    for example in action.examples:
        lines += _example(action, example)
    return "\n".join(lines)


def _part(name: str, schema: Mapping[str, Any]) -> str:
    # Of a docstring: its later lines are indented, which would make code of them.
    said = [inspect.cleandoc(schema["description"]), ""] if schema.get("description") else []
    return "\n".join([f"## {name}", "", *said, words.fields(schema), ""])


def _example(action: Action, example: Example) -> Iterator[str]:
    step = [{"action": action.kind, "with": dict(example.settings)}]
    text = yaml.dump(step, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    yield from ["Example:", "", "```yaml", text.rstrip(), "```", ""]
    yield from _values("Given", example.inputs)
    for vote in example.votes:
        yield from [f"{vote.login} says `{vote.verdict}`: {vote.comment}", ""]
    if example.child is not None:
        left = ", ".join(f"`{name}`: `{value}`" for name, value in example.child.given.items())
        ended = example.child.outcome or example.child.status
        yield from [f"Process run {example.child.run} ends as {ended}{f', with {left}' if left else ''}.", ""]
    for row in example.rows or ():
        given = ", ".join(f"`{name}`: `{cell}`" for name, cell in row.given.items())
        yield from [f"Row {row.number} starts a run with {given}.", ""]
    if example.expected:
        yield from _values("it gives", example.expected)
    said = f'The step ends as {example.status}, with the message "{example.message}".'
    yield from [said, ""]


def _parts(word: str, reference: str, parts: Mapping[str, Any]) -> Iterator[str]:
    """The sheets of a workbook, or the members of an archive."""
    for name, part in parts.items():
        if isinstance(part, bytes):
            # A document is told by how it begins.
            if part.startswith(b"%PDF"):
                yield from [f"{word} `{reference}`, {name}: a PDF", ""]
            else:
                yield from [f"{word} `{reference}`, {name}:", "", *_block(part.decode())]
            continue
        rows = [",".join("" if cell is None else str(cell) for cell in row) for row in part]
        yield from [f"{word} `{reference}`, sheet {name}:", "", *_block("\n".join(rows or ["(no cells)"]))]


def _values(word: str, values: Mapping[str, Any]) -> Iterator[str]:
    for reference, value in values.items():
        name, content = value if isinstance(value, tuple) else ("", value)
        if isinstance(content, Mapping):
            yield from _parts(word, reference, content)
            continue
        if not isinstance(content, bytes):
            yield from [f"{word} `{reference}`: `{content}`", ""]
            continue
        file = f" ({name})" if name else ""
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            yield from [f"{word} `{reference}`{file}: a file of {len(content):,} bytes", ""]
            continue
        yield from [f"{word} `{reference}`{file}:", "", *_block(text)]


def _block(text: str) -> Iterator[str]:
    yield from ["```csv", text.rstrip("\n"), "```", ""]
