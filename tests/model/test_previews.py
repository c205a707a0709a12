"""What differs from the file of an earlier run."""

from __future__ import annotations

from procession.model.previews import ColumnKind, Preview, PreviewColumn, compare


def preview(*names: str, rows: int = 10, kind: ColumnKind = ColumnKind.TEXT) -> Preview:
    return Preview(kind="csv", rows=rows, columns=tuple(PreviewColumn(name=name, kind=kind) for name in names))


def said(now: Preview, then: Preview) -> list[tuple[str, str]]:
    return [(check.level.value, check.text) for check in compare(now, then, "May")]


def test_equal_columns_are_said_to_be_equal() -> None:
    assert said(preview("a", "b"), preview("a", "b", rows=9)) == [
        ("ok", "Same 2 columns as in May"),
        ("told", "10 rows; 9 in May"),
    ]
    assert said(preview("b", "a"), preview("a", "b"))[0] == ("told", "Same 2 columns as in May, in another order")
    assert said(preview("a", rows=1), preview("a"))[0] == ("ok", "Same column as in May")


def test_what_is_missing_and_what_is_new_are_named() -> None:
    assert said(preview("a", "x"), preview("a", "b", "c"))[:2] == [
        ("doubt", "Columns “b”, “c” of May are missing"),
        ("doubt", "Column “x” is new since May"),
    ]


def test_many_names_are_counted() -> None:
    (missing, *_) = said(preview("a"), preview("a", *(f"c{number}" for number in range(8))))

    assert missing[1].endswith("“c4” and 3 more of May are missing")


def test_another_type_is_a_doubt() -> None:
    now, then = preview("a"), preview("a", kind=ColumnKind.NUMBER)

    assert said(now, then)[0] == ("doubt", "“a” holds texts; in May it held numbers")


def test_far_fewer_rows_are_a_doubt_and_a_few_are_not() -> None:
    levels = {rows: said(preview("a", rows=rows), preview("a", rows=100))[-1][0] for rows in (0, 49, 50, 300)}

    assert levels == {0: "doubt", 49: "doubt", 50: "told", 300: "told"}


def test_what_cannot_be_read_is_not_compared() -> None:
    broken = Preview(problem="it is a PDF document")

    assert not list(compare(broken, preview("a"), "May"))
    assert not list(compare(preview("a"), Preview(trouble="too large"), "May"))
