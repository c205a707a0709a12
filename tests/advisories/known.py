"""The list: an advisory or a public report, what happened there, whether it would have been so here, and the test that shows it.

Numbers of 2024 and 2025 were written from memory: look one up before you quote it.

Some are not advisories but public reports, by repository and number. A line is added by whoever tries one. `test` is file::function of this repository; test_known.py looks whether it is there.
"""

from __future__ import annotations

from typing import NamedTuple

HELD, WAS_WRONG = "held", "was wrong"


class Advisory(NamedTuple):
    number: str
    of: str
    happened: str
    here: str
    test: str


_RIGHTS = "tests/advisories/test_authorisation.py::"
_OAUTH = "tests/advisories/test_oauth.py::"
_TEXTS = "tests/advisories/test_texts.py::"
_BACKUPS = "tests/advisories/test_backups.py::"
_CODE = "tests/advisories/test_code.py::"
_SAFETY = "tests/oauth/test_safety.py::"
_DOORS = "tests/serving/test_advisories.py::"
_DOUBT = _DOORS + "test_a_body_whose_end_is_in_doubt_ends_the_connection"
_HEADS = _DOORS + "test_a_head_that_others_may_read_otherwise_is_refused"
_MARKS = _SAFETY + "test_whoever_guesses_from_elsewhere_does_not_lock_the_user_out"
_NAMED = _OAUTH + "test_signing_in_leads_to_no_address_that_a_link_names"
_CUT = "tests/api/test_watching.py::test_what_is_followed_is_cut_when_its_token_ends"
_MAILED = _TEXTS + "test_a_mailed_link_leads_to_the_server_whatever_a_request_says"
_USES = "tests/oauth/test_races.py::test_of_many_uses_one_wins_and_its_tokens_end_with_the_others"
_CLAIMED = _DOORS + "test_an_account_that_is_stopped_is_stopped_whatever_address_is_claimed"

# fmt: off
KNOWN = tuple(Advisory(*line) for line in (
    # Missing and misplaced checks
    ("CVE-2026-53576", "Kestra", "a path that ended in /configs needed no sign-in", HELD, _RIGHTS + "test_no_end_of_a_path_opens_it_without_a_token"),
    ("CVE-2026-3514", "Prefect", "a name that ended in health or ready needed no sign-in", HELD, _RIGHTS + "test_no_end_of_a_path_opens_it_without_a_token"),
    ("CVE-2026-7723", "Prefect", "the channel of events asked for no proof", HELD, "tests/rights/test_matrix.py::test_everybody_may_what_the_table_says_and_nothing_else"),
    ("CVE-2025-29927", "Next.js", "a header of its own kind skipped the check", HELD, _RIGHTS + "test_no_header_of_another_program_opens_a_path_without_a_token"),
    ("CVE-2025-54576", "OAuth2-Proxy", "an exemption by path was matched by the query, too", HELD, _RIGHTS + "test_no_end_of_a_path_opens_it_without_a_token"),
    ("CVE-2026-34046", "Langflow", "anybody read, changed and deleted the flow of anybody by its id", HELD, "tests/rights/test_twins.py::test_nothing_of_a_twin_can_be_asked_for_or_told_from_nothing"),
    ("CVE-2026-55255", "Langflow", "an id in a body ran the flow of somebody else", HELD, "tests/rights/test_twins.py::test_nothing_of_a_twin_can_be_named_in_a_body"),
    ("CVE-2025-52554", "n8n", "any user stopped the executions of all", HELD, _RIGHTS + "test_who_may_only_read_starts_cancels_and_restarts_nothing"),
    ("GHSA-h3jj-5f3v-3685", "n8n", "a retry asked only for the right to read", HELD, _RIGHTS + "test_who_may_only_read_starts_cancels_and_restarts_nothing"),
    ("CVE-2026-42226", "n8n", "a request named the credential of somebody else, and it was used", HELD, _RIGHTS + "test_a_file_property_leads_to_no_file_of_another_run"),
    ("CVE-2026-22683", "Windmill", "a user without the right managed folders through the API", HELD, "tests/rights/test_matrix.py::test_everybody_may_what_the_table_says_and_nothing_else"),
    ("CVE-2026-24098", "Airflow", "the errors of workflows were shown to who may not see them", HELD, _RIGHTS + "test_lists_show_a_stranger_nothing_of_others"),
    ("CVE-2026-28563", "Airflow", "a list showed the names of all workflows", HELD, _RIGHTS + "test_lists_show_a_stranger_nothing_of_others"),
    ("GHSA-c2c9-mfw7-p8hw", "Flowise", "a key of one workspace listed what lies in all", HELD, _RIGHTS + "test_lists_show_a_stranger_nothing_of_others"),
    ("CVE-2026-23982", "Superset", "a change was not checked as the creation was", HELD, _OAUTH + "test_an_address_is_checked_when_it_is_changed_as_when_it_is_registered"),
    # Fields that nobody may set
    ("CVE-2026-42863", "Flowise", "the body of an update moved a flow into another workspace", HELD, _RIGHTS + "test_an_application_acts_as_who_registers_it_whatever_the_body_says"),
    ("CVE-2026-46441", "Flowise", "the body set owner and dates of an assistant", HELD, _RIGHTS + "test_a_new_thing_takes_nothing_from_the_body_that_the_server_decides"),
    ("CVE-2025-61928", "better-auth", "a user id in the body made an API key of that user", HELD, _RIGHTS + "test_an_application_acts_as_who_registers_it_whatever_the_body_says"),
    ("CVE-2025-7784", "Keycloak", "who managed users made themselves administrator of all", HELD, _RIGHTS + "test_nobody_is_raised_above_who_changes_them"),
    # Secrets that are shown
    ("CVE-2025-54831", "Airflow", "who could read saw the passwords of connections", HELD, _RIGHTS + "test_a_secret_is_told_once_and_to_nobody_else"),
    ("CVE-2024-50378", "Airflow", "the audit log held secrets", HELD, _RIGHTS + "test_a_secret_is_told_once_and_to_nobody_else"),
    ("CVE-2025-58434", "Flowise", "who forgot a password was answered with the secret of the link", HELD, _OAUTH + "test_nobody_asks_for_the_link_of_a_password_without_a_token"),
    ("CVE-2026-41276", "Flowise", "an empty secret of a link set a password", HELD, _OAUTH + "test_a_password_is_set_by_no_link_that_was_not_made"),
    ("CVE-2025-64101", "ZITADEL", "a header of the request chose the host in a mailed link", HELD, _TEXTS + "test_a_mailed_link_leads_to_the_server_whatever_a_request_says"),
    ("CVE-2024-47081", "requests", "credentials went to a host that an address only looked like", HELD, "tests/client/test_connection.py::test_a_redirect_is_not_followed"),
    # OAuth
    ("CVE-2024-52289", "authentik", "addresses to return to were compared as patterns", HELD, _OAUTH + "test_an_answer_goes_to_the_registered_address_letter_by_letter"),
    ("CVE-2024-52287", "authentik", "an application got scopes that it does not have", HELD, _OAUTH + "test_nobody_asks_for_more_than_an_application_has"),
    ("CVE-2026-44681", "Authlib", "an error sent the browser to an address that nobody registered", HELD, _OAUTH + "test_an_unknown_kind_of_answer_redirects_to_nobody_who_is_not_registered"),
    ("CVE-2026-28802", "Authlib", "a token with the algorithm none was good", HELD, _OAUTH + "test_a_token_that_says_itself_who_it_is_for_is_none"),
    ("CVE-2025-59420", "Authlib", "critical headers of a token were ignored", HELD, _OAUTH + "test_a_token_that_says_itself_who_it_is_for_is_none"),
    ("CVE-2025-68158", "Authlib", "an answer was not bound to the browser that had asked", HELD, _SAFETY + "test_a_form_of_another_site_is_refused"),
    ("CVE-2025-68481", "FastAPI Users", "a victim was signed in to the account of the attacker", HELD, _SAFETY + "test_a_form_of_another_site_is_refused"),
    ("CVE-2026-7571", "Keycloak", "a form sent again brought the disabled implicit flow back", HELD, _OAUTH + "test_no_token_ever_comes_in_an_address"),
    ("CVE-2026-9802", "Keycloak", "a used refresh token was good again after a restart", HELD, "tests/oauth/test_flows.py::test_a_refresh_token_is_rotated_and_a_replay_ends_the_family"),
    ("CVE-2026-8922", "Keycloak", "introspection called revoked tokens active", HELD, _OAUTH + "test_what_was_revoked_is_good_nowhere_introspection_included"),
    ("CVE-2025-12390", "Keycloak", "a session was taken over by the browser's next user", HELD, _OAUTH + "test_the_session_of_a_browser_is_a_new_one_after_signing_in"),
    # Pages, mails, logs
    ("CVE-2025-58177", "n8n", "a text of one user was a program in the page of another", HELD, _TEXTS + "test_a_name_is_text_on_the_page_that_asks_for_consent"),
    ("CVE-2025-46343", "n8n", "an uploaded page was shown as one of the server's own", HELD, _TEXTS + "test_an_uploaded_page_is_a_download_and_never_a_page_of_ours"),
    ("CVE-2025-49592", "n8n", "signing in led to an address that the link named", HELD, _OAUTH + "test_signing_in_leads_to_no_address_that_a_link_names"),
    ("CVE-2024-56201", "Jinja2", "a name that a user chose was run as a template", HELD, _TEXTS + "test_a_name_is_text_in_a_mail"),
    ("CVE-2024-6923", "CPython email", "a line end in a name began another header", HELD, _TEXTS + "test_a_name_begins_no_header_of_a_mail"),
    ("CVE-2025-48432", "Django", "a path with control characters forged lines of the log", WAS_WRONG, _TEXTS + "test_a_line_of_the_log_is_one_line_that_steers_no_terminal"),
    # Files and archives
    ("CVE-2025-4517", "CPython tarfile", "an archive wrote outside of its folder", HELD, _BACKUPS + "test_a_forged_backup_is_refused_before_it_writes_anywhere_else"),
    ("CVE-2025-8194", "CPython tarfile", "a negative size was read for ever", HELD, _BACKUPS + "test_a_forged_backup_is_refused_before_it_writes_anywhere_else"),
    ("CVE-2025-69223", "aiohttp", "a small body became a large one (here: a sparse member of a backup)", WAS_WRONG, _BACKUPS + "test_a_forged_backup_is_refused_before_it_writes_anywhere_else"),
    ("CVE-2025-59682", "Django", "an archive wrote into a folder beside, with the same beginning", HELD, _BACKUPS + "test_a_forged_backup_is_refused_before_it_writes_anywhere_else"),
    ("CVE-2025-57749", "n8n", "a link led a write out of the allowed folder", HELD, "tests/commands/test_downloads.py::test_a_link_of_the_name_is_not_followed"),
    ("CVE-2025-66221", "Werkzeug", "names of devices passed as names of files", HELD, "tests/commands/test_downloads.py::test_names_from_outside_stay_in_the_folder_and_apart"),
    ("CVE-2026-29059", "Windmill", "a path in a request read any file of the server", HELD, "tests/fuzz/test_injections.py::test_no_text_breaks_out_of_its_place"),
    ("CVE-2025-51481", "Dagster", "a path in a request read any file of the server", HELD, "tests/fuzz/test_injections.py::test_no_text_breaks_out_of_its_place"),
    # Code, SQL, addresses
    ("CVE-2025-3248", "Langflow", "checking code ran it, without a sign-in", HELD, _CODE + "test_only_a_script_of_a_user_is_run_as_a_program"),
    ("CVE-2025-68613", "n8n", "expressions reached the host language", HELD, _CODE + "test_only_a_script_of_a_user_is_run_as_a_program"),
    ("CVE-2026-5366", "Prefect", "a text became an option of a command", HELD, _CODE + "test_no_command_is_put_together_as_text"),
    ("CVE-2026-38428", "Kestra", "a parameter became part of an SQL statement", HELD, "tests/fuzz/test_injections.py::test_no_text_breaks_out_of_its_place"),
    ("CVE-2026-23696", "Windmill", "the name of an owner became part of an SQL statement", HELD, "tests/fuzz/test_injections.py::test_no_text_breaks_out_of_its_place"),
    ("CVE-2026-23984", "Superset", "SQL that should only read wrote", HELD, "tests/actions/test_run_sql.py::test_sql_sees_nothing_but_its_inputs"),
    ("CVE-2026-7724", "Prefect", "the address that was checked was not the one connected to", HELD, _CODE + "test_the_server_connects_only_to_whom_its_operator_names"),
    ("CVE-2026-22805", "Metabase", "a subscription asked addresses inside of the network", HELD, _CODE + "test_the_server_connects_only_to_whom_its_operator_names"),
    ("CVE-2026-55671", "ZITADEL", "notifications asked addresses inside of the network", HELD, _CODE + "test_the_server_connects_only_to_whom_its_operator_names"),
    # Heads and bodies that somebody in front reads in another way
    ("benoitc/gunicorn#3370", "gunicorn", "the Host header decided where the target named another host", WAS_WRONG, _DOORS + "test_a_target_that_names_its_host_is_believed"),
    ("CVE-2025-32395", "Vite", "a target with a fragment passed a check of paths", WAS_WRONG, _HEADS),
    ("rotki/rotki#12544", "uvicorn behind nginx", "two hosts, of which the second was dropped in silence before", HELD, _HEADS),
    ("benoitc/gunicorn#3364", "gunicorn", "characters around a coding were stripped", HELD, _DOUBT),
    ("benoitc/gunicorn#3144", "gunicorn", "bare line feeds stood in a value", HELD, _DOUBT),
    ("benoitc/gunicorn#3327", "gunicorn", "line ends stood in the extension of a chunk", HELD, _DOUBT),
    ("pgjones/hypercorn#279", "hypercorn", "a length besides chunks was passed over", HELD, _DOUBT),
    ("pgjones/hypercorn#277", "hypercorn", "CONNECT was answered like a GET", HELD, "tests/serving/test_connections.py::test_a_tunnel_is_refused"),
    ("Kludex/uvicorn#2238", "uvicorn", "a request behind Connection: close was answered", HELD, _DOORS + "test_what_comes_behind_a_close_is_not_answered"),
    # Guesses, and whom they lock out
    ("psecio/gatekeeper#55", "gatekeeper", "a stranger's wrong passwords locked a user out for ever", WAS_WRONG, _MARKS),
    ("osTicket/osTicket-1.7#452", "osTicket", "guesses were counted in a cookie that the client may forget", HELD, _MARKS),
    ("keycloak/keycloak#52837", "Keycloak", "a user took the name by which another signs in", HELD, _SAFETY + "test_nobody_is_given_the_name_by_which_somebody_else_signs_in"),
    ("keycloak/keycloak#2931", "Keycloak", "guesses were counted by the name as it was typed", HELD, _SAFETY + "test_a_login_and_an_email_are_two_names_of_one_account"),
    ("keycloak/keycloak#2323", "Keycloak", "a locked account told whether the password was right", HELD, _SAFETY + "test_guessing_a_password_is_stopped_and_time_opens_it_again"),
    ("Canopus-Labs/PrepPilot#1456", "PrepPilot", "every address that a client claimed was counted anew", HELD, _CLAIMED),
    ("stjet/Faucet-v2#23", "Faucet", "the first address of the list was believed", HELD, _CLAIMED),
    ("SandeepVashishtha/Eventra#13398", "Eventra", "what a client wrote in front of its address was believed", HELD, _DOORS + "test_of_a_list_of_addresses_the_last_that_is_no_proxy_counts"),
    ("Team-Commonly/commonly#656", "Commonly", "a network of IPv6 was as many senders as it has addresses", HELD, "tests/oauth/test_limits.py::test_a_household_is_one_address"),
    # What lasts
    ("Tr3kkR/Yuzu#955", "Yuzu", "an open stream outlived its session", HELD, _CUT),
    ("opendefender/OpenRisk#345", "OpenRisk", "an open stream outlived the right to it", HELD, _CUT),
    ("Wave-RF/WaveHouse#239", "WaveHouse", "an open stream outlived the end of its token", HELD, "tests/api/test_waiting.py::test_what_waits_ends_with_its_token_though_nothing_is_committed"),
    ("sseshachala/conductai#181", "conductai", "each stream read the database twice a second", WAS_WRONG, "tests/api/test_waiting.py::test_many_that_wait_are_one_look_together"),
    ("Priyanshu-byte-coder/devtrack#1752", "devtrack", "a user opened as many streams as they liked", HELD, "tests/api/test_user_limits.py::test_one_stream_too_many_is_refused_to_its_user_alone"),
    # Pages, mails, tokens
    ("linagora/openrag#483", "OpenRAG", "signing in led to /\\evil.example, which browsers read as another host", HELD, _NAMED),
    ("netbox-community/netbox#9950", "NetBox", "signing in led to //evil.example", HELD, _NAMED),
    ("ltb-project/self-service-password#755", "Self Service Password", "the Host header stood in a mailed link", HELD, _MAILED),
    ("sahat/hackathon-starter#1326", "Hackathon Starter", "the Host header stood in a mailed link", HELD, _MAILED),
    ("oauthlib/oauthlib#618", "OAuthLib", "a code gave tokens to several requests at once", HELD, _USES),
    ("GluuFederation/oxAuth#1909", "oxAuth", "a refresh token gave tokens to several requests at once", HELD, _USES),
    # Sandboxes that starve their machine, or that something outlives
    ("python-discord/snekbox#187", "snekbox", "a folder in memory held as many names as one likes", WAS_WRONG, "tests/engine/isolation/test_sandbox.py::test_nothing_goes_through_where_a_step_has_its_own_root"),
    ("google/nsjail#71", "nsjail", "folders in memory had no size", HELD, "tests/engine/test_quota.py::test_a_step_that_takes_too_much_memory_in_all_is_stopped"),
    ("moby/moby#39004", "Docker", "mapped files in memory were in no limit", HELD, "tests/engine/test_quota.py::test_a_step_that_takes_too_much_memory_in_all_is_stopped"),
    ("google/nsjail#199", "nsjail", "control groups were made without end in the sandbox", HELD, "tests/engine/isolation/test_sandbox.py::test_nothing_goes_through_where_a_step_has_its_own_root"),
    ("purplesyringa/sunwalker-box#10", "sunwalker-box", "a fork bomb took all descriptors that there were", HELD, "tests/engine/test_quota.py::test_a_step_that_meets_another_limit_names_its_setting"),
    ("NVIDIA/NemoClaw#809", "NemoClaw", "a sandbox had no limit of processes", HELD, "tests/engine/test_quota.py::test_a_step_that_meets_another_limit_names_its_setting"),
    ("netblue30/firejail#3224", "Firejail", "processes that nobody collected kept a sandbox open", HELD, "tests/engine/isolation/test_kill.py::test_what_user_code_left_behind_ends_with_the_step"),
    ("DMOJ/judge-server#318", "DMOJ", "a daemon went on after its task had ended", HELD, "tests/engine/isolation/test_kill.py::test_a_daemon_that_ignores_term_is_gone"),
    ("judge0/judge0#564", "Judge0", "a script read the environment of the server", HELD, "tests/engine/isolation/test_sandbox.py::test_nothing_goes_through_where_a_step_has_its_own_root"),
    ("CVE-2024-28185", "Judge0", "a link in the sandbox's folder was written through by root", HELD, "tests/engine/isolation/test_sandbox.py::test_nothing_goes_through_where_a_step_has_its_own_root"),
    ("hydro-dev/Hydro#1111", "Hydro", "a link in the folder led the judge out of it", HELD, "tests/engine/test_hostile.py::test_the_folder_goes_though_a_process_left_behind_still_worked_in_it"),
    ("CVE-2019-5736", "runc", "the program of the container's keeper was overwritten by /proc/self/exe", HELD, "tests/engine/isolation/test_sandbox.py::test_nothing_goes_through_where_a_step_has_its_own_root"),
    ("opencontainers/runc#1658", "runc", "a masked /proc let nobody mount one of their own", WAS_WRONG, "tests/engine/isolation/test_containers.py::test_a_root_that_may_mount_has_all_walls_if_seccomp_leaves_it_the_calls"),
    ("containers/bubblewrap#505", "bubblewrap", "in a container nobody knew which rights it takes", WAS_WRONG, "tests/engine/isolation/test_containers.py::test_a_root_that_may_mount_has_all_walls_if_seccomp_leaves_it_the_calls"),
))  # fmt: skip
# fmt: on
