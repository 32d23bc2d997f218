"""Mail of the settings. Without a mail server people pass links on themselves."""

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail

from management.models import Invitation

logger = logging.getLogger(__name__)


def has_server() -> bool:
    """Return whether mail can be sent."""
    return bool(settings.ENV.email.host)


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Mail the link of an invitation; False when it could not be sent."""
    by = f"{invitation.created_by} invites you" if invitation.created_by else "You are invited"
    text = (
        f"{by} to Earshot, where your team keeps its recordings and transcripts.\n\n"
        f"Open this link to choose a password. It works once, until "
        f"{invitation.expires_at:%d %B %Y}:\n{link}\n"
    )
    try:
        send_mail("Your invitation to Earshot", text, None, [invitation.email])
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("The invitation of %s could not be mailed: %s", invitation, error)
        return False
    return True
