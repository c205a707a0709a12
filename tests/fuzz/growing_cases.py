"""Which files are tried, and how large the smaller one is: about a tenth of a second's work."""

from __future__ import annotations

from collections.abc import Callable

from tests.actions.reading.workbooks import MAIN, relations
from tests.fuzz import growing_files as made
from tests.fuzz.growing_files import CELL, ONE, SHARED, TOP, VALUE, GrowingFile, numbered, text, wide

Shape = tuple[str, int, Callable[[int], bytes]]
# So long that its list is looked for before the whole is read, and the list begins in the second MiB.
KEYS = '{"x":"' + "x" * 786_432 + '",'
NUMBER = {"columns": {"b": {"type": "Number"}}}
STYLES = f'<styleSheet xmlns="{MAIN}"><numFmts>'
STRINGS, STRINGS_PART = f'<sst xmlns="{MAIN}">', "xl/sharedStrings.xml"
LISTING = "xl/_rels/workbook.xml.rels"
ROW, END = "<table:table-row>", "</table:table-row>"

CSV: list[Shape] = [
    ("rows", 40_000, text("a,b\n", "1,2\n")),
    ("a short row at the end", 30_000, text("a,b\n", "1,2\n", "1\n")),
    ("short rows", 60_000, text("a,b\n", "1\n")),
    ("a quote at the end", 25_000, text("a,b\n", "1,2\n", '1,"')),
    ("a quote at the start", 20_000, text('a,"b\n', "1,2\n")),
    ("quotes that go on", 60_000, text("a,b\n", '1,"2"x\n')),
    ("quotes in quotes", 300_000, text('a,b\n1,"', '""', '"\n')),
    ("blanks around quotes", 20_000, text("a,b\n", '1, "x" \n')),
    ("commas", 500_000, text("", ",")),
    ("one line", 200_000, text("", "a")),
    ("blank lines", 100_000, text("sep=;\n", "\n", "a;b\n1;2\n")),
    ("line ends of all kinds", 10_000, text("a,b\n", "1,2\r\n3,4\r")),
    ("columns", 210, wide("c#", "1", "2")),
    ("columns that are almost numbers", 40, wide("c#", "1", "1", "1x")),
    ("equal columns", 8_000, wide("c", "1")),
    ("zero bytes", 60_000, text("a,b\n1,2\n", "\0")),
    ("comments of a web page", 13, text("", "<!---->", "x")),
    ("tables of a web page", 4_500, text("a", "<table>", ">")),
    ("blanks in a title", 2_000, text("<html><title>", " ")),
    ("open titles", 4_500, text("<html>", "<title")),
]
DECLARED: list[Shape] = [
    ("words for numbers", 30_000, text("a,b\n", "1,x\n")),
    ("a word at the end", 25_000, text("a,b\n", "1,2\n", "1,x\n")),
    ("a long number", 300_000, text("a,b\n1,", "9", "\n")),
    ("blank lines in a value", 10_000, text('a,b\n1,"', "\n ", '"\n')),
    ("a column that is not there", 8_000, wide("c#", "1")),
]
JSON: list[Shape] = [
    ("records", 25_000, text("[", '{"a":1,"b":"x"},', '{"a":1}]')),
    ("records cut off", 40_000, text("[", '{"a":1,"b":"x"},')),
    ("a mistake at the end", 40_000, text("[", '{"a":1,"b":"x"},', '{"a":1]')),
    ("a key twice at the end", 40_000, text("[", '{"a":1,"b":"x"},', '{"a":1,"a":1}]')),
    ("keys before a list", 50_000, numbered(KEYS, '"k#":1,', '"rows":[' + '{"a":1},' * 100_000 + '{"a":1}]}')),
    ("keys behind a list", 10_000, numbered('{"rows":[' + '{"a":1},' * 30_000 + '{"a":1}],', '"k#":1,', '"z":1}')),
    ("brackets", 100_000, text("[", "[")),
    ("braces", 100_000, text("", '{"a":')),
    ("a text without end", 2_000_000, text('[{"a":"', "x")),
    ("escapes", 400_000, text('[{"a":"', "\\n", '"}]')),
    ("digits", 400_000, text('[{"a":', "9", "}]")),
    ("exponents", 5_000, text('[{"a":1}', ',{"a":1e300}', "]")),
    ("objects one after the other", 15_000, text("", '{"a":1} ', "{")),
    ("keys", 50, numbered("[{", '"k#":1,', '"z":1}]')),
]
LINES: list[Shape] = [
    ("lines", 25_000, text("", '{"a":1,"b":"x"}\n')),
    ("a mistake in each line", 40_000, text("", '{"a":1,"b":"x"\n')),
    ("a mistake in the last line", 40_000, text("", '{"a":1,"b":"x"}\n', "{")),
    ("lists in lines", 10_000, text("", '{"a":[1,2],"b":{"c":1}}\n')),
    ("a new key in each line", 50, numbered("", '{"a#":1}\n')),
    ("too many keys", 5_000, numbered("", '{"a#":1}\n')),
]
XLSX: list[Shape] = [
    ("rows", 7_000, made.sheet(TOP, f"<row>{ONE}</row>")),
    ("a mistake at the end", 10_000, made.sheet(TOP, f"<row>{ONE}</row>", '<row><c t="s"><v>9</v></c></row>')),
    ("errors in all cells", 7_000, made.sheet(TOP, '<row><c t="e"><v>#N/A</v></c></row>')),
    ("an open row", 15_000, made.sheet(TOP, "<row>")),
    ("deep elements", 50_000, made.sheet(TOP, "<x>")),
    ("merged areas", 20_000, made.sheet(TOP, after='<mergeCell ref="A1:B2"/>')),
    ("escapes", 40_000, made.sheet(TOP + '<row><c t="str"><v>', "_x0041_", "</v></c></row>")),
    ("columns", 60, made.sheet("<row>", CELL.replace("a<", "a#<"), f"</row><row>{ONE * 120}</row>")),
    ("equal headings", 700, made.sheet("<row>", CELL, "</row>")),
    ("far cells", 30, made.sheet(TOP, '<row r="1#1"><c r="ZZ1#1"><v>1</v></c></row>')),
    ("a long number", 200_000, made.sheet(TOP + "<row><c><v>", "9", "</v></c></row>")),
    ("a long style", 3_000, made.sheet(TOP + '<row><c s="', "9", '"><v>1</v></c></row>')),
    ("attributes", 30_000, made.sheet("<row ", 'a#="1" ', f">{CELL}</row>")),
    ("a long comment", 1_000_000, made.sheet(TOP + "<!--", "x", "-->")),
    ("a long attribute", 1_200_000, made.with_part(STRINGS_PART, STRINGS + '<si a="', "x", '"/></sst>', rows=SHARED)),
    ("texts", 25_000, made.with_part(STRINGS_PART, STRINGS, "<si><t>x</t></si>", "</sst>", rows=SHARED)),
    ("texts that are open", 25_000, made.with_part(STRINGS_PART, STRINGS, "<si><t>x", "</sst>", rows=SHARED)),
    ("an entity", 20_000, made.with_part(STRINGS_PART, '<!DOCTYPE a [<!ENTITY a "', "x", '">]><sst>&a;</sst>', rows=SHARED)),
    ("styles", 8_000, made.with_part("xl/styles.xml", STYLES, '<numFmt numFmtId="#" formatCode="yyyy"/>', "</numFmts></styleSheet>")),
    ("brackets in styles", 60, made.with_part("xl/styles.xml", STYLES, '<numFmt numFmtId="#" formatCode="' + "[" * 4_096 + '"/>', "</numFmts><cellXfs>" + made.every('<xf numFmtId="#"/>', 400) + "</cellXfs></styleSheet>")),
    ("relations", 8_000, made.with_part(LISTING, relations(("worksheet", "worksheets/sheet1.xml")).removesuffix("</Relationships>"), '<Relationship Id="x#" Type="a/b" Target="c"/>', "</Relationships>")),
    ("steps up", 100_000, made.with_part(LISTING, relations(("worksheet", "worksheets/sheet1.xml")).removesuffix("</Relationships>") + '<Relationship Id="x" Type="a" Target="', "../", '"/></Relationships>')),
    ("a sheet elsewhere", 7_000, made.elsewhere),
    ("a sheet elsewhere that is cut off", 7_000, made.elsewhere_cut),
    ("parts", 2_000, made.many_parts),
]  # fmt: skip
ODS: list[Shape] = [
    ("rows", 4_000, made.document("", f"{ROW}{VALUE}{END}")),
    ("an open row", 10_000, made.document("", f"{ROW}{VALUE}")),
    ("repeated rows", 30_000, made.document(f'<table:table-row table:number-rows-repeated="COUNT">{VALUE}{END}')),
    ("repeated columns", 50, made.document(ROW + VALUE.replace("/>", ' table:number-columns-repeated="COUNT"/>') + END)),
    ("claimed rows", 2_000, made.document("", f'<table:table-row table:number-rows-repeated="1000000"><table:table-cell/>{END}')),
    ("paragraphs", 8_000, made.document(f'{ROW}<table:table-cell office:value-type="string">', "<text:p>x</text:p>", f"</table:table-cell>{END}")),
    ("claimed blanks", 30, made.document("", f'{ROW}<table:table-cell office:value-type="string"><text:p><text:s text:c="32000"/>x</text:p></table:table-cell>{END}')),
    ("deep elements", 20_000, made.document(f'{ROW}<table:table-cell office:value-type="string"><text:p>', "<text:span>")),
    ("tables", 5_000, made.document("", '</table:table><table:table table:name="x#">')),
]  # fmt: skip
PARQUET: list[Shape] = [
    ("rows", 40_000, made.parquet(made.rows_of("range AS a, range::VARCHAR AS b"))),
    ("a footer that is damaged", 100_000, made.parquet(made.rows_of("range AS a"), cut=200)),
    ("a value that is no number at the end", 100_000, made.parquet(made.ends_in_nan)),
    ("columns of numbers", 120, made.columns_of("1")),
    ("columns of fractions", 50, made.columns_of("1.5::DOUBLE")),
    ("columns of texts", 120, made.columns_of("'a'")),
    ("lists in lists", 13, made.parquet(made.lists_in_lists)),
    ("long statistics", 500_000, made.parquet(lambda count: f"SELECT repeat('x', {count}) AS a FROM range(3)")),
    ("a long name", 100_000, made.parquet(lambda count: f'SELECT 1 AS "{"x" * count}"')),
]


def _files(what: str, file_name: str, shapes: list[Shape], **options: object) -> list[GrowingFile]:
    return [
        GrowingFile(name=f"{what}: {name}", file_name=file_name, make=make, size=size, options=options)
        for name, size, make in shapes
    ]


FILES = [
    *_files("CSV", "t.csv", CSV),
    *_files("declared", "t.csv", DECLARED, **NUMBER),
    *_files("JSON", "t.json", JSON),
    *_files("JSON lines", "t.jsonl", LINES),
    *_files("XLSX", "t.xlsx", XLSX),
    *_files("ODS", "t.ods", ODS),
    *_files("Parquet", "t.parquet", PARQUET),
]
