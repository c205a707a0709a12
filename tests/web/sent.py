"""What a browser would send of a form on a page: its fields as they stand, also those outside that name it."""

from __future__ import annotations

from html.parser import HTMLParser

Sent = dict[str, list[str]]


class _Fields(HTMLParser):
    """Follows the rules of HTML for what is sent, as far as our pages use them."""

    def __init__(self, form: str) -> None:
        super().__init__(convert_charrefs=True)
        self._form = form
        self._is_inside = False
        self._select = ""
        self._options: list[tuple[str | None, str, bool]] = []
        self._area = ""
        self._text = ""
        self.sent: Sent = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("id") == self._form
        if tag == "option":
            self._end_option()
            self._options.append((given.get("value"), "", "selected" in given))
        if given.get("form", self._form if self._is_inside else "") != self._form or "name" not in given:
            return
        if tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
            self._add(given["name"], given.get("value", "on" if "type" in given else ""))
        elif tag == "select":
            self._select, self._options = given["name"], []
        elif tag == "textarea":
            self._area, self._text = given["name"], ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        elif tag == "textarea" and self._area:
            # The first line break of a text area is no part of it.
            self._add(self._area, self._text.removeprefix("\n"))
            self._area = ""
        elif tag == "select" and self._select:
            self._end_option()
            chosen = [value or "" for value, _, is_chosen in self._options if is_chosen]
            self._add(self._select, chosen[-1] if chosen else self._options[0][0] or "")
            self._select = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def _end_option(self) -> None:
        if self._options:
            value, _, is_chosen = self._options[-1]
            word = " ".join(self._text.split())
            self._options[-1] = (word if value is None else value, word, is_chosen)
        self._text = ""

    def _add(self, name: str, value: str) -> None:
        # Browsers send the line breaks of a field as CR LF.
        self.sent.setdefault(name, []).append(value.replace("\r\n", "\n").replace("\n", "\r\n"))


def fields(page: str, form: str) -> Sent:
    """By name, with every value."""
    parser = _Fields(form)
    parser.feed(page)
    return parser.sent
