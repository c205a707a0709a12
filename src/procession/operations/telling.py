"""The sentences of the user log about what people did; those about runs are written where runs end."""

from __future__ import annotations

from procession.model.ends import LINE_CHARACTERS_MAX, one_line
from procession.model.ids import Id
from procession.operations.act import Act
from procession.store import history


def tell(act: Act, sentence: str, about: Id) -> None:
    """In the transaction of what it tells: neither is there without the other. Names stand in it as they are today."""
    history.add_log(act.tx, act.author, one_line(sentence)[:LINE_CHARACTERS_MAX], act.now, about=about)
