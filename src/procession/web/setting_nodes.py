"""A field of the designer's forms, or several under one name: what it says, and what is wrong with it."""

from __future__ import annotations

import msgspec

from procession.model.process_file.documents import Mistake


class SettingNode(msgspec.Struct, frozen=True, kw_only=True):
    """A field, or several under one name; `name` is what a browser sends it as.

    `key` is what a value goes by where the file chooses the name; `usual` is what holds while it is empty.
    """

    name: str
    kind: str
    label: str = ""
    help: str = ""
    note: str = ""
    text: str = ""
    was: str = ""  # which of several kinds its fields are for; "said" for a box that the file speaks of
    bare: str = ""  # what the file says where its field is empty
    usual: str = ""
    key: str | None = None
    options: tuple[tuple[str, str], ...] = ()  # value and word
    children: tuple[SettingNode, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    offer: str = ""  # what was probably meant, to be taken over by a button
    is_set: bool = False
    is_required: bool = False
    is_wanted: bool = False
    is_spare: bool = False
    is_output: bool = False
    takes_names: bool = False  # also a reference to a property
    has_cards: bool = False  # a list whose items are boxes of fields
    grid: tuple[str, ...] = ()  # of rows that a table shows: its headings
    columns: str | None = None  # a text that names a column: of which sources (Shape.columns)
    key_columns: str | None = None  # the same of its key
    makes_columns: bool = False
    doubt: str = ""  # what may be wrong with it: it keeps nobody from publishing
    key_doubt: str = ""
    key_offer: str = ""

    @property
    def one(self) -> str:
        """What one of several is called."""
        return one_of(self.label)

    @property
    def is_shown(self) -> bool:
        """Whether it is worth a place outside of what is folded away."""
        return self.is_set or self.is_required or self.is_wanted or self.has_mistakes or self.has_doubts

    @property
    def has_mistakes(self) -> bool:
        return bool(self.mistakes) or any(child.has_mistakes for child in self.children)

    @property
    def has_doubts(self) -> bool:
        return bool(self.doubt or self.key_doubt) or any(child.has_doubts for child in self.children)


def one_of(label: str) -> str:
    """ "Rule" of "Rules", which is what one of them is called."""
    return label.removesuffix("s") if not label.endswith("ss") else label
