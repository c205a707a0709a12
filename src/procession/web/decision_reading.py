"""What the form of a decision table says: the other way of decision_nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from procession.model.errors import Invalid
from procession.web import decision_cells, decision_nodes, setting_texts
from procession.web.decision_cells import Cells, DecisionColumn
from procession.web.forms import Form
from procession.web.setting_texts import ABSENT

COLUMNS_MAX = 200
OTHERWISE = decision_nodes.OTHERWISE

ReadText = Callable[[str, str], Any]  # YAML and what it is for, into its value (setting_reading)


def is_table(form: Form, place: str) -> bool:
    """Whether the rules at this place were shown as a table."""
    return form.has(f"{place}.table")


class DecisionForm:
    """The columns of a table as its form says them. `place` is the name of its rules."""

    def __init__(self, form: Form, place: str, yaml: ReadText) -> None:
        self._form, self._yaml = form, yaml
        self.types: dict[str, str] = {}
        self._questions, self._targets = self._columns(place, "c"), self._columns(place, "s")

    def _columns(self, place: str, letter: str) -> list[DecisionColumn]:
        found = []
        for number in range(COLUMNS_MAX):
            at = f"{place}.{letter}{number}"
            if not self._form.has(f"{at}.of"):
                break
            name, _, kind = self._form.one(f"{at}.of").partition(" ")
            self.types[name] = kind
            found.append(DecisionColumn(self._form.one(f"{at}.is"), name))
        return found

    def rule(self, place: str, label: str) -> Any:
        """A row. Raises Invalid."""
        if self._form.has(f"{place}.raw"):
            text = self._form.one(place)
            return self._yaml(f"{text}\n", label) if text.strip(" \t\r\n") else ABSENT
        was = self._was(place, label)
        rule = dict(was) if isinstance(was, dict) else {}
        _put(rule, "name", self._form.one(f"{place}.name").strip() or ABSENT)
        _put(rule, "when", self._part(f"{place}.when", rule.get("when", ABSENT), label, is_set=False))
        _put(rule, "set", self._part(f"{place}.set", rule.get("set", ABSENT), label, is_set=True))
        return rule

    def otherwise(self, place: str) -> Any:
        """The last row. Raises Invalid."""
        was = self._was(place, "Otherwise")
        found = self._part(f"{place}.set", was, "Otherwise", is_set=True)
        return setting_texts.of_bare(self._form.one(f"{place}.bare"), found)

    def _was(self, place: str, label: str) -> Any:
        text = self._form.one(f"{place}.was")
        return self._yaml(f"{text}\n", label) if text else ABSENT

    def _part(self, place: str, was: Any, label: str, *, is_set: bool) -> Any:
        """What the file said where the cells still say it: in its order, and in its words."""
        if self._form.has(f"{place}.raw"):
            text = self._form.one(place)
            return self._yaml(f"{text}\n", label) if text.strip(" \t\r\n") else ABSENT
        cells = self._cells(place, label, is_set=is_set)
        before = (decision_cells.of_values if is_set else decision_cells.of_when)(was, self.types)
        if cells == before:
            return was
        if not is_set:
            return decision_cells.when_of(cells, self.types)
        return decision_cells.values_of(cells, self.types) or ABSENT

    def _cells(self, place: str, label: str, *, is_set: bool) -> Cells:
        """Raises Invalid."""
        found: Cells = {}
        for number, question in enumerate(self._targets if is_set else self._questions):
            text = self._form.one(f"{place}.{'s' if is_set else 'c'}{number}").strip()
            if not text:
                continue
            what = f"{'Value' if is_set else 'Condition'} {number + 1}"
            if not question.property:
                raise Invalid(f"{label}: “{text[:60]}” stands in a column without a property; choose one for it")
            # One of the two would be lost.
            if question in found:
                raise Invalid(f"{label}: two columns are about {question.property} in the same way; empty {what}")
            found[question] = text
        return found


def _put(rule: dict[str, Any], key: str, value: Any) -> None:
    if value is ABSENT:
        rule.pop(key, None)
    else:
        rule[key] = value
