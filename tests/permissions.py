"""Permissions: every address, its method, and the roles that reach it.

`python -m tests.permissions` writes docs/permissions.md from this table, and
tests/pages/test_permissions.py walks every address as each role.
"""

from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[1] / "docs" / "permissions.md"

ROLES = {
    "administrator": "administrator of the team, in no project",
    "owner": "owner of the project",
    "admin": "admin of the project",
    "member": "member of the project",
    "viewer": "viewer of the project",
    "stranger": "owner of another project",
    "nobody": "nobody: not signed in",
}
OPEN = tuple(ROLES)
SIGNED_IN = tuple(role for role in ROLES if role != "nobody")
READ = ("owner", "admin", "member", "viewer")
WRITE = ("owner", "admin", "member")
MANAGE = ("administrator", "owner", "admin")
# Lists of what somebody manages: the owner of another project sees that project's.
MANAGE_ANY = (*MANAGE, "stranger")
TEAM = ("administrator",)


class Rule(NamedTuple):
    """One method of an address, and who reaches it."""

    name: str
    method: str
    who: tuple[str, ...]
    words: str


def rules(who: tuple[str, ...], *lines: str) -> list[Rule]:
    """Rules of lines such as ``recording GET: Read a recording``."""
    found = []
    for line in lines:
        address, _, words = line.partition(": ")
        name, method = address.split()
        found.append(Rule(name, method, who, words))
    return found


AREAS: dict[str, list[Rule]] = {
    "Signing in": rules(
        OPEN,
        "sign_in GET: Sign-in page",
        "sign_in POST: Sign in",
        "account_login GET: Sign-in page, by allauth's name",
        "mfa_login_webauthn GET: Passkey challenge",
        "account_inactive GET: Notice that an account is deactivated",
        "sign_out POST: Sign out",
        "account_logout POST: Sign out, by allauth's name",
        "account_reset_password GET: Ask for a link to set a new password",
        "account_reset_password_done GET: Notice that the link was sent",
        "account_reset_password_from_key GET: Set a new password by a link",
        "account_reset_password_from_key_done GET: Notice that the password is saved",
        "account_confirm_email GET: Confirm an address by a link",
        "invitation GET: Accept an invitation by its link",
        "captions GET: Captions of a live session, by a link that is open to anyone",
        "socialaccount_login_cancelled GET: Notice that the provider signed nobody in",
        "healthz GET: Liveness",
        "readyz GET: Readiness",
    ),
    "Own account": rules(
        SIGNED_IN,
        "account GET: Account page",
        "account POST: Change name, theme, time zone, language of dates",
        "mfa_index GET: Account page, by allauth's name",
        "account_email GET: Account page, by allauth's name",
        "mfa_list_webauthn GET: Account page, by allauth's name",
        "socialaccount_connections GET: Account page, by allauth's name",
        "account_theme POST: Change the theme",
        "account_email_change GET: Change the e-mail address",
        "account_change_password GET: Change the password",
        "account_set_password GET: Set a password",
        "account_reauthenticate GET: Confirm with the password",
        "mfa_reauthenticate GET: Confirm with a code",
        "mfa_reauthenticate_webauthn GET: Confirm with a passkey",
        "mfa_activate_totp GET: Add an authenticator app",
        "mfa_deactivate_totp GET: Remove the authenticator app",
        "mfa_view_recovery_codes GET: Recovery codes",
        "mfa_generate_recovery_codes GET: Make new recovery codes",
        "mfa_add_webauthn GET: Add a passkey",
        "mfa_edit_webauthn GET: Rename an own passkey",
        "mfa_remove_webauthn GET: Remove an own passkey",
        "session_end POST: End an own session",
        "sessions_end POST: End all other own sessions",
        "account_token_add GET: Make an API token",
        "account_token_revoke POST: Revoke an own API token",
    ),
    "Lists": rules(
        SIGNED_IN,
        "dashboard GET: Dashboard of the own projects",
        "dashboard_progress GET: Its parts that change",
        "library GET: Recordings of the own projects",
        "library_rows GET: Rows of the library",
        "recordings_change POST: Retry, stop or delete those selected that the person may change",
        "tray GET: Work in progress in the own projects",
        "upload GET: Upload page",
        "live GET: Page to start a live session",
        "calls GET: Calls of the own projects, and the start of one",
        "speak GET: Text to speech",
        "agents GET: Voice agents of the own projects",
        "agent_new GET: Page to make one",
        "search GET: Search page",
        "search_results GET: Hits in the own projects",
        "projects GET: The own projects; all for administrators",
        "usage GET: Usage of the own projects",
        "usage_csv GET: The same as CSV",
        "budgets GET: Budgets of the own projects and of the team",
        "models GET: Models and voices of the own projects' servers",
        "voice_sample GET: A sample of a voice of the own projects' servers",
        "sync_now POST: Update the mirror of the accounts of the own projects",
    ),
    "Recordings of a project": rules(
        READ,
        "recording GET: Read and play a recording",
        "recording_block GET: A part of its transcript",
        "recording_differences GET: Differences between two of its transcripts",
        "recording_progress GET: Its progress",
        "recording_waveform GET: Its waveform",
        "recording_audio GET: Its audio",
        "recording_file GET: Its original file",
        "recording_export GET: Export its transcript",
        "recording_find GET: Find in its transcript",
        "recording_insight GET: Its summary and topics",
        "call GET: Messages of a call; the conversation for its user while it is open",
        "call_messages GET: The messages as JSON lines",
        "clip GET: A spoken text",
        "clip_audio GET: Its audio",
        "agent GET: A voice agent",
        "agent_versions GET: Its versions",
        "call_replays GET: Replays of a saved call",
        "replay GET: A replay next to its call",
    )
    + rules(
        WRITE,
        "project_offers GET: Options, prices and speed of uploads",
        "uploads POST: Start an upload",
        "upload_chunk GET: An own upload",
        "upload_by_url POST: Add audio by its address",
        "insight_order POST: Request a summary",
        "speaker_rename POST: Name a speaker",
        "recording_rename POST: Rename a recording",
        "recording_cancel POST: Stop its transcription",
        "recording_retry POST: Transcribe it again",
        "recording_move GET: Move it to another project",
        "recording_delete POST: Delete it",
        "presets POST: Keep options as a preset",
        "preset_default POST: Make a preset the default",
        "preset_delete POST: Delete a preset",
        "live_start POST: Start a live session",
        "call_start POST: Start a call with an agent",
        "live_session GET: An own live session",
        "live_end POST: End an own live session",
        "live_link GET: Share an own live session",
        "clip_file POST: Make a file of a spoken text",
        "clip_delete POST: Delete a spoken text",
        "agent POST: Change a voice agent",
        "agent_archive POST: Archive it or restore it",
        "configuration_read POST: Read one from the speech account",
        "call_replay POST: Replay a saved call",
        "call_expect POST: Words that replies of a call must have",
        "replay_cancel POST: Stop a replay",
    )
    + rules(
        ("owner", "admin"),
        "agent_store POST: Save a voice agent in the speech account",
        "configuration_delete POST: Delete one from the speech account",
    ),
    "Management of a project": rules(
        MANAGE,
        "project GET: Its members and name",
        "project POST: Rename it",
        "project_member POST: Give and take roles; only owners make owners",
        "project_archive POST: Archive it or open it again",
        "project_live POST: Choose the default of its live sessions",
        "key_rotate POST: Rotate an API key",
        "key_delete GET: Delete an API key",
        "request_detail GET: One request",
        "member_role POST: Change the role of a member of the speech account",
        "member_remove POST: Remove a member of the speech account",
        "account_invite_withdraw POST: Withdraw an invite to the speech account",
    )
    + rules(
        MANAGE_ANY,
        "keys GET: API keys of the managed projects",
        "key_create GET: Make an API key in one of them",
        "requests GET: Their requests",
        "billing GET: Their balances and costs",
        "members GET: Members of their speech account",
        "stored GET: Their agents and credentials at the server",
    )
    + rules(("administrator", "owner"), "budgets POST: Set a budget"),
    "Team": rules(
        TEAM,
        "people GET: Everybody",
        "person_invite GET: Invite somebody",
        "person GET: One person",
        "person_role POST: Make an administrator",
        "person_active POST: Deactivate a person",
        "person_password_link POST: Link for a new password",
        "recordings_reassign POST: Reassign the recordings of a person",
        "invitation_resend POST: New link of an invitation",
        "invitation_withdraw POST: Withdraw an invitation",
        "project_create GET: Make a project",
        "audit_log GET: Audit log",
        "audit_csv GET: Audit log as CSV",
        "connections GET: Speech servers",
        "connection_add GET: Add a speech server",
        "connection_edit GET: Change a speech server",
        "connection_remove GET: Remove a speech server",
        "model_prefer POST: Prefer a model",
        "model_purposes POST: Choose the models of the named choices",
        "prices GET: Prices of the servers",
        "prices POST: Set a price",
        "price_remove POST: Remove a price",
    ),
}
RULES = [rule for area in AREAS.values() for rule in area]


def written() -> str:
    """The page of the documentation."""
    lines = [
        "# Permissions",
        "",
        "Written by `python -m tests.permissions` from the table that a test walks: every address",
        "as each role. What a role does not reach is a 404 (without a session: the sign-in), and",
        "no page offers it. Rights are checked where objects are fetched: `visible_to`,",
        "`writable_by` and `administered_by` of the querysets, and `administrators_only`. Each",
        "denied request is in the audit log. An archived project is read by its members and",
        "changed by nobody. The page of the second factor is reached during a sign-in alone.",
        "",
        *(f"- **{role}**: {words}" for role, words in ROLES.items()),
    ]
    for area, found in AREAS.items():
        lines += ["", f"## {area}", "", f"| | {' | '.join(ROLES)} |"]
        lines.append("|---|" + "---|" * len(ROLES))
        for rule in found:
            cells = " | ".join("yes" if role in rule.who else "" for role in ROLES)
            lines.append(f"| {rule.words} (`{rule.method}` {rule.name}) | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written())
