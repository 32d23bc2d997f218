"""Scopes of API keys in words. Source: docs/contract.md, 1.5."""

SPEECH = "usage:write"
# Choices of the page, the narrowest first.
CHOICES = (
    (SPEECH, "Speech", "Transcribe, speak, read and run agents. Sees no keys, usage or money."),
    ("usage:read", "Read usage", "Read the log of requests and the usage."),
    ("billing:read", "Read costs", "Read balances, purchases and costs."),
    ("project:read", "Read the project", "Read the project, its models, agents and variables."),
    ("project:write", "Change the project", "Rename the project, change agents and variables."),
    ("keys:read", "Read keys", "List the keys of the same member, without their values."),
    ("keys:write", "Change keys", "Make and delete keys of the same member."),
    ("members:read", "Read members", "List members and invites."),
    ("members:write", "Change members", "Invite, remove and change members."),
    ("member", "Member", "A role: speech, usage, the project, own keys."),
    ("admin", "Admin", "A role: all of a member, and members, invites and costs."),
    ("owner", "Owner", "A role: everything, also to delete the project."),
)
ROLES = ("member", "admin", "owner")
# More than requests for speech need.
BROAD = frozenset({"admin", "owner", "keys:write", "members:write", "project:write"})


def is_broad(scopes: list[str]) -> bool:
    """Return whether a key with these scopes may change more than it needs for speech."""
    return not BROAD.isdisjoint(scopes)
