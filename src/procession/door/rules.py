"""The rules of routes: which scope a caller needs, and which role their user."""

from __future__ import annotations

from procession.model.rights import Rule

P = "process"
R = "run"
F = "file"
T = "table"
U = "user"
G = "group"
C = "application"

# What a rule asks: the token's scope, and the user's least role on the thing whose id the path names.
READ_P = Rule(scope="process_read", role="reader", of=P)
READ_R = Rule(scope="process_read", role="reader", of=R)
READ_S = Rule(scope="process_read", role="reader", of="step")
READ_ANY = Rule(scope="process_read")  # a list: the operation shows what the caller may see
DECIDE_R = Rule(scope="process_execute", role="reader", of=R)  # the operation asks whether the step names the caller
EXECUTE_P = Rule(scope="process_execute", role="executor", of=P)
EXECUTE_R = Rule(scope="process_execute", role="executor", of=R)
EXECUTE_ANY = Rule(scope="process_execute")  # the run is named in the body: the operation asks for the role
EXECUTE_S = Rule(scope="process_execute", role="executor", of="step")  # more than an INPUT: the operation asks for more
EDIT_P = Rule(scope="process", role="editor", of=P)
DESIGN = Rule(scope="process", user_role="Designer")
READ_F = Rule(scope="file_read", role="reader", of=F)
WRITE_F = Rule(scope="file", role="executor", of=F)
READ_T = Rule(scope="mtable_read", role="reader", of=T)
READ_TABLES = Rule(scope="mtable_read")  # a list: the operation shows what the caller may see
NEW_T = Rule(scope="mtable", user_role="Designer")
EDIT_T = Rule(scope="mtable", role="editor", of=T)
OWN_T = Rule(scope="mtable", role="owner", of=T)
LIST_USERS = Rule(scope="user_read")  # a list: the operation shows what the caller may see
NEW_U = Rule(scope="user", user_role="ClientAdmin")
OWN_U = Rule(scope="user", role="owner", of=U)
READ_U = Rule(scope="user_read", role="reader", of=U)
ONESELF = Rule(scope="user")  # what anybody may change of their own account
LIST_GROUPS = Rule(scope="usergroup_read")  # everybody may see which groups there are
READ_G = Rule(scope="usergroup_read", role="reader", of=G)
NEW_G = Rule(scope="usergroup", user_role="ClientAdmin")
OWN_G = Rule(scope="usergroup", role="owner", of=G)
READ_PERMISSIONS = Rule(scope="permission_read")  # a list: the operation shows what the caller may see
OWN_RESOURCE = Rule(scope="permission", role="owner", of="resource")
PERMIT_ANY = Rule(scope="permission")  # the resource is named in the body: the operation asks for the role
# Administrators make connections, whose secrets go where they say.
OWN_CONNECTIONS = Rule(scope="permission", user_role="ClientAdmin")
READ_LOG = Rule(scope="log_read")  # a list: the operation shows what the caller may see
LIST_C = Rule(scope="application_read")  # a list: the operation shows what the caller may see
READ_C = Rule(scope="application_read", role="owner", of=C)
NEW_C = Rule(scope="application")  # anybody may register what acts as themselves
OWN_C = Rule(scope="application", role="owner", of=C)
