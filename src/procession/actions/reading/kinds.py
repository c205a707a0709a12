"""Tells the kind of a file by its first bytes; its name only breaks ties. Names what it cannot read."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from pathlib import Path

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading.json_values import BadJson, scan, skip


class FileKind(StrEnum):
    CSV = "csv"  # delimited text
    SHEET = "sheet"
    JSON = "json"
    JSON_LINES = "json lines"
    PARQUET = "parquet"
    FIXED = "fixed width"  # only where `fixed` says so
    XML = "xml"  # only where `records` says where its rows are


# Titles, comments and a JSON record's beginning are in it; no more is read to say what a file is.
_HEAD_BYTES = 1 << 16
_UNPACK = "unpack it first"
_EXPORT = "export it as CSV or XLSX"
_PARSE = "a step of the kind parse_statement makes rows of it"
_SAVE_AS = "open it in a spreadsheet program and save it as XLSX"
_TRANSLATE = "have your EDI program write it as CSV, JSON or XML, or take it apart in a step run_python"
_WHOLE = "it did not arrive whole; send it again"
# First bytes -> what it is, and what to do.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PARE", "an encrypted Parquet file", "write it without encryption"),
    (b"%PDF-", "a PDF document", "export the table behind it as CSV or XLSX"),
    (b"%!PS", "a PostScript document", _EXPORT),
    (b"{\\rtf", "a text document (RTF)", _EXPORT),
    (b"\x1f\x8b", "compressed (gzip)", _UNPACK),
    (b"BZh91AY&SY", "compressed (bzip2)", _UNPACK),
    (b"\xfd7zXZ\x00", "compressed (xz)", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)", _UNPACK),
    (b"\x04\x22\x4d\x18", "compressed (lz4)", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z)", _UNPACK),
    (b"Rar!\x1a\x07", "an archive (rar)", _UNPACK),
    (b"\x89PNG\r\n", "a picture (PNG)", _EXPORT),
    (b"\xff\xd8\xff", "a picture (JPEG)", _EXPORT),
    (b"GIF89a", "a picture (GIF)", _EXPORT),
    (b"II*\x00", "a picture (TIFF)", _EXPORT),
    (b"MM\x00*", "a picture (TIFF)", _EXPORT),
    (b"SQLite format 3\x00", "a SQLite database", _EXPORT),
    (b"ORC\n", "an ORC file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"ARROW1\x00\x00", "an Arrow file", "write it as Parquet"),
    (b"FEA1\x00\x00", "a Feather file", "write it as Parquet"),
    (b"-----BEGIN PGP", "encrypted (PGP)", "decrypt it first"),
    (b"\x85\x01", "encrypted (PGP)", "decrypt it first"),
)
# Patterns of the text at its start -> what it is, and what to do.
_TEXTS: tuple[tuple[str, str, str], ...] = (
    (r"version https://git-lfs", "only a pointer of Git LFS to the file", "fetch the file itself (git lfs pull)"),
    (r"(OFXHEADER:|<\?OFX|<OFX>)", "a bank statement in OFX or QFX", _PARSE),
    (r"!(Type|Account|Option):", "a bank statement in QIF", "export it as CSV"),
    (r"(\{1:F\d\d|:20:)(?=[\s\S]*?:(25|60F|28C?):)", "a bank statement in SWIFT's format (MT940)", _PARSE),
    (r"01,[^\n]*/\s*\n02,", "a bank statement in BAI2", _PARSE),
    (r"(UNA.{6}\s*)?UNB\+UN", "an EDI message (EDIFACT)", _TRANSLATE),
    (r"ISA([^A-Za-z0-9\s])\d\d\1", "an EDI message (ANSI X12)", _TRANSLATE),
    (r"MIME-Version:|From: .*\n[\s\S]*?\nMIME-Version:", "a web page or mail in one file (MIME)", _SAVE_AS),
    (r"BEGIN:V(CARD|CALENDAR)", "a calendar or an address book", _EXPORT),
    (r"ID;P[^\n]*\n(?=[\s\S]*?\nC;)", "an old spreadsheet in SYLK", _SAVE_AS),
    (r"HTTP/[\d.]+ \d{3}", "a web server's answer and not the file", "download it again"),
    (r"[45]\d\d(:| )[ A-Za-z-]{3,40}\s*\Z", "a web server's error and not the file", "download it again"),
    (r"(//|/\*)", "a text that begins with a comment", "take the comment out: neither JSON nor CSV has any"),
)
# Possessive (+) wherever a pattern could give back what it took: else twenty-five comments take seven seconds, and each
# of another one twice as long.
_HTML = re.compile(
    r"(?:<!--[\s\S]*?-->\s*+|<\?xml[^>]*+>\s*+)*+<(!doctype\s+html|html|head|body|table|meta|script|style|title|div|br)\b",
    re.I,
)
_BEFORE_HTML = re.compile(r"(\s|&nbsp;|&#160;|&#xa0;)+", re.I)
_HTML_TABLE = re.compile(
    r"<table\b[^<>]*+>\s*+(?:<(?!t(?:[rhd]|able)\b)[^<>]*+>\s*+)*+<t[rhd]\b", re.I
)  # behind words, as reports have them
_TITLE = re.compile(r"<title[^<>]*+>\s*+([^<]{1,100}?)\s*+</title>", re.I)
_XML = re.compile(r"<\?xml\b|<!DOCTYPE\b|<[A-Za-z_][\w.:-]*(\s[^<>]*)?/?>", re.I)
_CAMT = re.compile(r"urn:iso:std:iso:20022:tech:xsd:([a-z]+\.\d{3})")
_JSON_LIST = re.compile(r'\[\s*([\[{"\]]|-?\d|(true|false|null)\b)')
_JSON_OBJECT = re.compile(r'\{\s*["}]')
_NAMES_OF_JSON = {".json": FileKind.JSON, ".jsonl": FileKind.JSON_LINES, ".ndjson": FileKind.JSON_LINES}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UTF_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_NULS_PERCENT_MAX = 2


def kind_of(source: FileInput, *, takes_xml: bool = False, said: str | None = None) -> FileKind:
    """Raises Problem for an unreadable kind, with what to do; `said` is its ending, whatever its name."""
    path = Path(source.path)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        # Formats that write their end last say there whether they arrived whole.
        file.seek(max(0, file.seek(0, 2) - 8))
        tail = file.read()
    if not head:
        raise Problem(f"{source.called} is empty")
    if not head.strip(b"\0"):
        raise _refused(source, "nothing but zero bytes", "the program that wrote it failed; write it again")
    suffix = Path(source.name).suffix.lower() if said is None else f".{said}"
    return _binary(source, path, head, tail) or _text(source, head, tail, takes_xml=takes_xml, suffix=suffix)


def _refused(source: FileInput, what: str, advice: str) -> Problem:
    return Problem(f"{source.called} is {what}; {advice}")


def _binary(source: FileInput, path: Path, head: bytes, tail: bytes) -> FileKind | None:
    if head.startswith(b"PK\x03\x04"):
        return _zip(source, path)
    # Workbooks with a password and old .xls: the reader says which, and what to do.
    if head.startswith(_OLE):
        return FileKind.SHEET
    if head.startswith(b"PAR1"):
        if tail.endswith(b"PARE"):
            raise _refused(source, "an encrypted Parquet file", "write it without encryption")
        if not tail.endswith(b"PAR1"):
            raise _refused(source, "the beginning of a Parquet file", _WHOLE)
        return FileKind.PARQUET
    if head.startswith((b"PK\x05\x06", b"PK\x07\x08")):
        raise _refused(source, "an empty or split zip", _UNPACK)
    if head[257:262] == b"ustar":
        raise _refused(source, "an archive (tar)", _UNPACK)
    for start, what, advice in _SIGNATURES:
        if head.startswith(start):
            raise _refused(source, what, advice)
    return None


def _zip(source: FileInput, path: Path) -> FileKind:
    # Not at the top: fork servers import this module, and would hold them for every step.
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as archive:
            # Some writers on Windows put backslashes into the zip.
            names = [name.replace("\\", "/").lower() for name in archive.namelist()]
            kind = archive.read("mimetype")[:100].decode("ascii", "replace") if "mimetype" in names else ""
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError, EOFError, OSError, ValueError):
        raise _refused(source, "the beginning of a workbook or a zip", _WHOLE) from None
    if any(name.endswith(("workbook.xml", "workbook.bin")) for name in names) or "spreadsheet" in kind:
        return FileKind.SHEET
    if any(name.startswith("word/") for name in names) or "opendocument.text" in kind:
        raise _refused(source, "a text document (Word)", _EXPORT)
    if any(name.startswith("ppt/") for name in names) or "presentation" in kind:
        raise _refused(source, "a presentation", _EXPORT)
    if any(name.endswith(".iwa") for name in names):
        raise _refused(source, "an Apple Numbers or Pages document", _EXPORT)
    shown = ", ".join(archive.namelist()[:3])[:100]
    raise _refused(source, f"a zip of {len(names)} file{'s' if len(names) != 1 else ''} ({shown})", _UNPACK)


def _text(source: FileInput, head: bytes, tail: bytes, *, takes_xml: bool, suffix: str) -> FileKind:
    text = _decoded(source, head).lstrip()
    if not text:
        raise _refused(source, "nothing but blanks", "write it again")
    # Whoever says where its rows are knows what it is, a bank's message too.
    if takes_xml and _XML.match(text) and not _HTML.match(text):
        return FileKind.XML
    for pattern, what, advice in _TEXTS:
        if re.match(pattern, text, re.IGNORECASE):
            raise _refused(source, what, advice)
    _refuse_markup(source, text, tail)
    if _JSON_OBJECT.match(text) or _JSON_LIST.match(text):
        return _json(text, suffix, is_whole=len(head) < _HEAD_BYTES)
    # A name alone proves nothing: banks call CSV files what they like.
    if suffix in _NAMES_OF_JSON and not re.search(r"[,;\t|]", text.splitlines()[0]):
        raise _refused(source, f"named {suffix}, and holds neither JSON nor CSV", "look into it with an editor")
    return FileKind.CSV


def _decoded(source: FileInput, head: bytes) -> str:
    for mark, encoding in _UTF_BOMS:
        if head.startswith(mark):
            return head.decode(encoding, "replace")
    if head.count(0) * 100 > len(head) * _NULS_PERCENT_MAX:
        # Every other byte is zero: UTF-16 without a mark, which `encoding` can declare.
        for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
            if zeros.count(0) * 2 > len(zeros):
                return head.decode(encoding, "replace")
        raise _refused(source, "data of a program and no text", _EXPORT)
    return head.decode("utf-8", "surrogateescape")


def _refuse_markup(source: FileInput, text: str, tail: bytes) -> None:
    ends = tail.rstrip(b"\0 \r\n\t").endswith(b">")
    start = found.end() if (found := _BEFORE_HTML.match(text)) else 0
    if _HTML.match(text, start) or (ends and _HTML_TABLE.search(text)):
        title = _TITLE.search(text)
        called = f' ("{title[1]}")' if title else ""
        is_sheet = Path(source.name).suffix.lower().startswith(".xls")
        advice = _SAVE_AS if is_sheet else "if the table is in it, " + _SAVE_AS + "; else download the file again"
        raise _refused(source, f"a web page{called}{' saved as a spreadsheet' if is_sheet else ''}", advice)
    if not _XML.match(text) or not (text.startswith(("<?", "<!")) or ends):
        return
    if found := _CAMT.search(text):
        is_camt = found[1].startswith(("camt.052", "camt.053", "camt.054"))
        advice = _PARSE if is_camt else "export it as CSV"
        raise _refused(source, f"a bank's message in ISO 20022 ({found[1]})", advice)
    if "<OFX" in text:
        raise _refused(source, "a bank statement in OFX or QFX", _PARSE)
    if "urn:schemas-microsoft-com:office:spreadsheet" in text:
        raise _refused(source, "an XML spreadsheet of 2003", _SAVE_AS)
    if "urn:oasis:names:tc:opendocument:xmlns:office" in text:
        raise _refused(source, "an OpenDocument in one file of XML (.fods)", _SAVE_AS)
    if found := re.search(r"<Error>\s*<Code>([A-Za-z]{1,60})", text):
        raise _refused(source, f"a web server's error ({found[1]}) and not the file", "download it again")
    raise _refused(source, "XML", "say records, such as /Document/Entry, or export it as CSV, JSON or XLSX")


def _json(text: str, suffix: str, *, is_whole: bool) -> FileKind:
    """JSON lines if the first line is a whole object and another follows; with one line, by the file's name."""
    named = _NAMES_OF_JSON.get(suffix, FileKind.JSON)
    if text.startswith("["):
        return FileKind.JSON
    line, feed, rest = text.partition("\n")
    if not feed:
        return named
    try:
        _, end = scan(line, 0)
    except BadJson as error:
        # The first line is wrong or not a whole object: look for another line that begins like it.
        return FileKind.JSON if error.is_cut or not rest.lstrip().startswith("{") else FileKind.JSON_LINES
    if skip(line, end) < len(line):
        return FileKind.JSON_LINES if named is FileKind.JSON_LINES else FileKind.JSON
    return FileKind.JSON_LINES if rest.lstrip() or not is_whole else named
