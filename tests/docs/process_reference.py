"""docs/process-file.md, written from the schema that `procession schema` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from procession.model.process_file import schema as file_schema
from procession.model.process_file.settings import ActionKind
from tests.docs import words

PAGE = """# The process file

<!-- The tables are written from the schema that `procession schema` prints. To renew them: make docs -->

A process is one YAML or JSON file. `procession apply FILE` creates the process, or publishes its next version when the name
exists. Runs keep the version that they were made from. Every mistake is reported with its line and column, all at once.

In a browser, Edit on the page of a process opens the designer: forms for the process and each of its steps, and the same file
as text. Both are one draft, which nobody else sees until it is published. A form changes the lines of what was changed and
leaves all others, with their comments, as they are. What no field can say is shown in its form as YAML.

A single step can be tried before anything is published: `procession try FILE STEP` runs it on the first rows of files that you give,
in the same isolated process as in a run. It shows the message, figures, what each output would hold, and what the step printed.
Nothing is published and no table is written; a step that reaches outside only says what it would send, and to whom.
[docs/reconcile.md](reconcile.md#what-a-rule-takes) tries one. In the designer, **Try this step** does the same with the files and
values of one's last try-out. What was typed is kept first.

The same samples stand beside the forms. Of a reconciliation the two sides are shown above its columns, and **See what each rule
finds** says on each card how much it matches, what it leaves on both sides, and ten of its matches; from then on it is said again
whenever a card is changed, or dragged to another place. Of an import the rows that do not fit are listed while its columns are
typed, with the worst value of each, out of the first 1,000 rows; **Propose columns from the sample** fills in types, decimal marks
and patterns of dates for the columns that say nothing yet. It proposes text where a value can be read in two ways or would lose a
zero, and says why. Of a CSV file it also proposes what separates its values, lines of a title above the table (`skip`), `header: false`
where the first row looks like the others, and cp1252 where the bytes are no UTF-8; each is told, and what somebody has said of the
file stays. Nothing is written down before it is kept. The rules of a `decide` are a table: one row a rule, a column for
each question, a column for each value, and last what holds otherwise. What its cells cannot say stays in its row as YAML, and so does
a table of more than some 3,000 cells.

- A file of text, JSON lines or Parquet is cut behind its first 1,000 rows (`--rows`); a workbook is read as a whole, and that is said.
- What an earlier step would have written is given in the same way, by its property: `--file work.gathered=gathered.parquet`.
- Values that are not given are those of the file. Tables are read as they are now.
- A decision is judged by the values that are given, every other step taken to have succeeded. A question asks nobody: it says whom
  it would ask. What must happen only once, scripts with `network`, and steps that run another process are refused.

An editor completes and checks the file with the schema:

```sh
procession schema > process.schema.json
```

With the YAML extension of VS Code, one line at the top of the file names it:

```yaml
# yaml-language-server: $schema=process.schema.json
process: Open items
groups:
  - group: Inputs
    steps:
      - data: Files
        properties:
          - {{name: Items, type: File, flow: INPUT, required: true}}
          - {{name: Open, type: File, flow: OUTPUT}}
          - {{name: Tolerance, type: Decimal, flow: INPUT, decimal_points: 2, value: 0.01}}
  - group: Work
    steps:
      - action: run_sql
        name: Open items
        retry: {{times: 2, wait: 30s}}
        with:
          inputs: {{items: "${{files.items}}", tolerance: "${{files.tolerance}}"}}
          sql: SELECT * FROM items WHERE abs(balance) > $tolerance
          outputs: {{result: {{to: "${{files.open}}", as: open.csv}}}}
      - action: fail
        name: Stop without a list
        when: {{skipped: open_items}}
        with: {{message: The list was skipped}}
```

`${{step.property}}` refers to a property of a data step by both keys. References are looked up, never evaluated: there is no
expression language. A reference to nothing is an error of `apply`, not of the run, and so is one within a text, or where
a constant is wanted.

{tables}
## Types of properties

{types}

## When a step runs

Without `needs`, `when` or `skip_when` a step waits for the enabled step before it to have succeeded, which is Success or
Warning. So a plain list runs in order, and stops at the first failure.

- A step waits until all steps that it follows are decided: those in `needs`, else the one before it. Only `needs` lets steps
  run at the same time.
- Then `skip_when` is looked at. If it holds, the step is Skipped.
- Then everything that the step follows must have succeeded. A `when` that names a step decides instead. A `when` that only
  compares values or files is an additional condition: "send the list if asked to" does not send it after a failure.
- A plain list goes on behind a skipped step as if it were not there. A step that `needs` a skipped step is skipped too.
- A condition that cannot hold because a step failed leaves its step NotStarted, with a message that names the failure. Any
  other condition that cannot hold skips its step. Where both stand in the way, the failure counts.
- A condition about a skipped step is neither true nor false, unless it asks about skipping. `any` needs one that is true. What
  is unknown in the end skips the step. An ordering of a property without a value is unknown.

{conditions}
"""
TYPES = {
    "Dropdown": "one of its `options`",
    "Text": "a text that is shown and not filled in; `foreground_color` colours it",
    "String": "a text",
    "Number": "a number; one that a step writes is whole",
    "Decimal": "an exact decimal number, never a binary fraction",
    "CheckBox": "true or false",
    "SystemVariable": "what the system knows: who started the run, when, of which process",
    "Datepicker": "a day, such as 2026-11-30",
    "File": "a file, with a name",
}
SECTIONS = (
    ("The file", "", "every file has `process` and `groups`"),
    ("A group", "group", "an item of `groups`"),
    ("A data step", "data_step", "an item of `steps` with `data`"),
    ("A property", "property", "an item of `properties`"),
    ("An action step", "action_step", "an item of `steps` with `action`; see [actions.md](actions.md) for `with`"),
)


def page(book: Mapping[str, ActionKind]) -> str:
    schema = file_schema.schema(book)
    return PAGE.format(
        tables="\n".join(_sections(schema)),
        types=words.table("type | what it holds", ((f"`{kind}`", TYPES[kind]) for kind in _types(schema))),
        conditions=words.table("condition | holds when", _conditions(schema["$defs"]["condition"])),
    )


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    for title, name, remark in SECTIONS:
        part = schema["$defs"][name] if name else schema
        yield f"## {title}\n\n{remark[0].upper()}{remark[1:]}.\n\n{words.fields(_linked(part))}\n"
        for key, inner in part["properties"].items():
            if inner.get("type") == "object" and "properties" in inner:
                yield f"### `{key}`\n\n{words.fields(inner)}\n"


def _linked(part: Mapping[str, Any]) -> dict[str, Any]:
    """The same with links to the sections of this page."""
    anchors = {"condition": "when-a-step-runs", "group": "a-group", "property": "a-property"}
    text = {f"#/$defs/{name}": f"[{name}](#{anchor})" for name, anchor in anchors.items()}
    text["#/$defs/step"] = "[data steps](#a-data-step) and [action steps](#an-action-step)"

    def said(one: Mapping[str, Any]) -> dict[str, Any]:
        if "$ref" in one:
            return {**{key: value for key, value in one.items() if key != "$ref"}, "type": text[one["$ref"]]}
        if isinstance(one.get("items"), dict):
            return {**one, "items": said(one["items"])}
        return dict(one)

    return {**part, "properties": {key: said(one) for key, one in part["properties"].items()}}


def _types(schema: Mapping[str, Any]) -> list[str]:
    return list(schema["$defs"]["property"]["properties"]["type"]["enum"])


def _conditions(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in schema["anyOf"]:
        ((word, subject),) = one["properties"].items()
        yield f"`{{{word}: {_subject(word, subject)}}}`", subject["description"]


def _subject(word: str, subject: Mapping[str, Any]) -> str:
    if "items" in subject:
        return "[CONDITION, ...]"
    if "$ref" in subject:
        return "CONDITION"
    if "properties" in subject:
        return "{property: STEP.PROPERTY, value: X}"
    return "STEP.PROPERTY" if word == "updated" else "STEP"
