"""User groups as administrators change them, each change with its line in the log: a group may give roles."""

from __future__ import annotations

from procession.model.ids import GroupId, UserId
from procession.model.people import Group, User
from procession.operations import people
from procession.operations.act import Act
from procession.operations.telling import tell
from procession.store import people as people_store


def create(act: Act, *, name: str, description: str) -> Group:
    """Raises Invalid when the name is taken."""
    group = people.create_group(act.tx, name=name, description=description, now=act.now)
    tell(act, f'made the group "{group.name}"', group.id)
    return group


def change(act: Act, wanted: Group) -> Group:
    """The group of this id becomes `wanted`. Raises Invalid when the name is taken."""
    before = people.group(act.tx, wanted.id)
    changed = people.change_group(act.tx, wanted)
    if changed.name != before.name:
        tell(act, f'renamed a group: "{before.name}" is now called "{changed.name}"', changed.id)
    return changed


def delete(act: Act, group_id: GroupId) -> None:
    """With its memberships and what it was granted. Raises NotFound."""
    group = people.group(act.tx, group_id)
    people.delete_group(act.tx, group_id)
    tell(act, f'deleted the group "{group.name}", with what it was given', group_id)


def add_member(act: Act, group_id: GroupId, user_id: UserId) -> User:
    """Once is enough: to add a member again changes nothing. Raises NotFound."""
    is_new = not people_store.is_member(act.tx, group_id, user_id)
    member = people.add_member(act.tx, group_id, user_id)
    if is_new:
        tell(act, f'added "{member.login}" to the group "{people.group(act.tx, group_id).name}"', group_id)
    return member


def remove_member(act: Act, group_id: GroupId, user_id: UserId) -> None:
    """Raises NotFound when the user is no member."""
    people.remove_member(act.tx, group_id, user_id)
    member, group = people.user(act.tx, user_id), people.group(act.tx, group_id)
    tell(act, f'removed "{member.login}" from the group "{group.name}"', group_id)
