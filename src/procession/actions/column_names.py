"""Settings that name a column of a step's sources: the types by which a form knows which columns to offer."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

# In a field's schema: the setting whose sources have the column, "" for any source of the step.
COLUMN_OF: Final = "x-column-of"
# In place of a setting: the headings of its files, before `columns` gives them other names.
HEADINGS: Final = "headings"
# In place of a setting: a column of what the step gives, such as one of a source; others may be as right.
RESULT: Final = "result"
# In a field's schema: what it does makes columns that only rows can tell, so that no name can be called wrong.
MAKES_COLUMNS: Final = "x-makes-columns"
CHARACTERS_MAX: Final = 200

# A column that the step makes, or one of another place: nothing is known of it, and nothing is offered.
NewColumn = Annotated[str, msgspec.Meta(min_length=1, max_length=CHARACTERS_MAX)]
ColumnName = Annotated[NewColumn, msgspec.Meta(extra_json_schema={COLUMN_OF: ""})]
SourceColumn = Annotated[NewColumn, msgspec.Meta(extra_json_schema={COLUMN_OF: "source"})]
LeftColumn = Annotated[NewColumn, msgspec.Meta(extra_json_schema={COLUMN_OF: "left"})]
RightColumn = Annotated[NewColumn, msgspec.Meta(extra_json_schema={COLUMN_OF: "right"})]
RulesColumn = Annotated[NewColumn, msgspec.Meta(extra_json_schema={COLUMN_OF: "rules"})]
RatesColumn = Annotated[NewColumn, msgspec.Meta(extra_json_schema={COLUMN_OF: "rates"})]
ResultColumn = Annotated[NewColumn, msgspec.Meta(extra_json_schema={COLUMN_OF: RESULT})]
FileHeading = Annotated[str, msgspec.Meta(extra_json_schema={COLUMN_OF: HEADINGS})]
