"""What scopes mean, in the words of whoever allows them."""

from __future__ import annotations

SCOPE_WORDS = {
    "process_read": "see your processes, their runs and their results",
    "process_execute": "create, start, cancel and restart runs",
    "process": "change processes and publish new versions of them",
    "file_read": "read files of your processes and runs",
    "file": "upload and rename files",
    "mtable_read": "read tables",
    "mtable": "create, change and delete tables and their rows",
    "user_read": "see users",
    "user": "create, change and suspend users, as far as you may",
    "usergroup_read": "see user groups and who is in them",
    "usergroup": "change user groups and who is in them, as far as you may",
    "permission_read": "see who may do what",
    "permission": "decide who may do what, as far as you may",
    "log_read": "read the log",
    "application_read": "see your applications",
    "application": "register, change and delete applications in your name",
}
