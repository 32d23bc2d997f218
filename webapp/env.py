"""Every environment variable of the web application, read once and typed.

A value that cannot be used stops the start with a sentence that says what to set.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from network.environment import Misconfigured as Misconfigured
from network.environment import Reader

ROOT = Path(__file__).resolve().parent.parent
HOSTED_URL = "https://api.deepgram.com"
HOSTED_AGENT_URL = "wss://agent.deepgram.com"
GIB = 1024**3
DEFAULT_ADMIN_EMAIL = "admin@earshot.local"
SECRET_CHARACTERS = 50  # as Django's own check
PASSWORD_CHARACTERS, PASSWORD_DIFFERENT = 8, 5


@dataclass(frozen=True)
class Email:
    """A mail server. Without a ``host`` no mail is sent: people pass links on themselves."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    is_ssl: bool = False
    starts_tls: bool = False
    sender: str = ""


@dataclass(frozen=True)
class OpenIdConnect:
    """An identity provider that signs people in; none without a ``url``."""

    url: str = ""
    client_id: str = ""
    client_secret: str = ""
    name: str = ""


@dataclass(frozen=True)
class Saml:
    """An identity provider that speaks SAML; none without a ``metadata_url``."""

    metadata_url: str = ""
    entity_id: str = ""
    name: str = ""


@dataclass(frozen=True)
class Env:
    """The settings of one start. Sizes in bytes, durations in seconds."""

    data: Path
    host: str
    port: int
    engine_port: int
    debug: bool
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    public_url: str
    database_url: str
    broker_url: str
    channel_layer_url: str
    media_storage_url: str
    deepgram_api_key: str
    deepgram_base_url: str
    deepgram_agent_url: str
    admin_email: str
    admin_password: str
    max_upload_bytes: int
    max_duration_seconds: int
    worker_threads: int
    database_connections: int
    fetch_private_hosts: bool
    email: Email
    oidc: OpenIdConnect
    saml: Saml
    sign_up_domains: tuple[str, ...]

    @property
    def uses_engine(self) -> bool:
        """Return whether speech goes to the engine in the box."""
        return not (self.deepgram_api_key or self.deepgram_base_url)


class AccountReader(Reader):
    """Look-ups that also read the first administrator, the mail server and who signs people in."""

    def email(self, name: str) -> str:
        value = self.text(name)
        try:
            if value:
                validate_email(value)
        except ValidationError:
            raise Misconfigured(
                f"{name} is {value!r}; set it to an e-mail address such as ada@example.com."
            ) from None
        return value

    def password(self, name: str, email_name: str) -> str:
        """A password that nobody guesses, or empty."""
        value = self.environ.get(name, "")
        local = (self.text(email_name) or DEFAULT_ADMIN_EMAIL).partition("@")[0].lower()
        if not value:
            return value
        problem = ""
        if len(value) < PASSWORD_CHARACTERS:
            problem = f"is shorter than {PASSWORD_CHARACTERS} characters"
        elif value.isdigit() or len(set(value)) < PASSWORD_DIFFERENT:
            problem = "is made of too few different characters"
        elif value.lower().strip() in CommonPasswordValidator().passwords:
            problem = "is one of the most common passwords"
        elif local in value.lower() and len(value) - len(local) < PASSWORD_CHARACTERS:
            problem = f"is close to the e-mail address of {email_name}"
        if problem:
            raise Misconfigured(f"{name} {problem}; set it to a password that is hard to guess.")
        return value

    def mail_server(self, name: str, sender_name: str) -> Email:
        """A mail server: ``smtp://user:password@host:587``, ``smtps://`` for TLS from the start.

        STARTTLS is used on ``smtp://`` unless the port is 25 or ``?tls=no`` is added.
        """
        url = urlsplit(self.url(name, ("smtp", "smtps")))
        sender = self.text(sender_name)
        if not url.hostname:
            return Email()
        if not sender:
            raise Misconfigured(
                f"{name} is set; set {sender_name} to the address that mail is sent from, "
                "such as Earshot <earshot@example.com>."
            )
        try:
            port = url.port or (465 if url.scheme == "smtps" else 587)
        except ValueError:
            raise Misconfigured(f"{name} has a port that is no number; correct it.") from None
        return Email(
            host=url.hostname,
            port=port,
            user=unquote(url.username or ""),
            password=unquote(url.password or ""),
            is_ssl=url.scheme == "smtps",
            starts_tls=url.scheme == "smtp" and port != 25 and url.query != "tls=no",
            sender=sender,
        )

    def openid_connect(self) -> OpenIdConnect:
        url = self.url("EARSHOT_OIDC_URL", ("https", "http"))
        client_id = self.text("EARSHOT_OIDC_CLIENT_ID")
        if url and not client_id:
            raise Misconfigured(
                "EARSHOT_OIDC_URL is set; set EARSHOT_OIDC_CLIENT_ID and "
                "EARSHOT_OIDC_CLIENT_SECRET to those that the provider gave."
            )
        secret = self.text("EARSHOT_OIDC_CLIENT_SECRET")
        return OpenIdConnect(
            url, client_id, secret, self.text("EARSHOT_OIDC_NAME", "OpenID Connect")
        )

    def domains(self, name: str) -> tuple[str, ...]:
        """Domains of e-mail addresses, separated by commas."""
        found = tuple(map(str.lower, self.words(name)))
        for domain in found:
            self.check_domain(name, domain)
        return found

    def check_domain(self, name: str, domain: str) -> None:
        try:
            validate_email(f"somebody@{domain}")
        except ValidationError:
            raise Misconfigured(
                f"{name} names {domain!r}; set it to domains such as example.com,example.org."
            ) from None

    def saml(self) -> Saml:
        url = self.url("EARSHOT_SAML_METADATA_URL", ("https", "http"))
        entity_id = self.text("EARSHOT_SAML_ENTITY_ID")
        if url and not entity_id:
            raise Misconfigured(
                "EARSHOT_SAML_METADATA_URL is set; set EARSHOT_SAML_ENTITY_ID to the entity id of "
                "the identity provider, which its metadata names."
            )
        return Saml(url, entity_id, self.text("EARSHOT_SAML_NAME", "SAML"))


def read(environ: Mapping[str, str] = os.environ) -> Env:
    """Read the whole environment; ``Misconfigured`` names the first variable that is wrong."""
    reader = AccountReader(environ)
    data = Path(reader.text("EARSHOT_DATA", str(ROOT / "var"))).expanduser().resolve()
    api_key = reader.text("DEEPGRAM_API_KEY")
    base_url = reader.url("DEEPGRAM_BASE_URL", ("http", "https"))
    agent_url = reader.url("DEEPGRAM_AGENT_URL", ("ws", "wss"))
    if base_url and not api_key:
        raise Misconfigured("DEEPGRAM_BASE_URL is set; set DEEPGRAM_API_KEY to a key it accepts.")
    port = reader.whole("PORT", 8000, 1, 65535)
    engine_port = reader.whole("ENGINE_PORT", 8001, 1, 65535)
    if port == engine_port:
        raise Misconfigured(f"PORT and ENGINE_PORT are both {port}; set one of them to another.")
    host = reader.text("HOST", "127.0.0.1")
    return Env(
        data=data,
        host=host,
        port=port,
        engine_port=engine_port,
        debug=reader.flag("EARSHOT_DEBUG"),
        secret_key=reader.secret("EARSHOT_SECRET_KEY", SECRET_CHARACTERS),
        secret_key_fallbacks=reader.secrets("EARSHOT_SECRET_KEY_FALLBACKS", SECRET_CHARACTERS),
        allowed_hosts=reader.words("EARSHOT_ALLOWED_HOSTS"),
        public_url=reader.url("EARSHOT_URL", ("http", "https")),
        database_url=reader.url("DATABASE_URL", ("sqlite", "postgres", "postgresql")),
        broker_url=reader.url(
            "CELERY_BROKER_URL", ("filesystem", "redis", "rediss", "amqp", "amqps")
        ),
        channel_layer_url=reader.url("CHANNEL_LAYER_URL", ("redis", "rediss")),
        media_storage_url=reader.url("MEDIA_STORAGE_URL", ("s3", "file")),
        deepgram_api_key=api_key,
        deepgram_base_url=base_url or (HOSTED_URL if api_key else ""),
        deepgram_agent_url=agent_url or (HOSTED_AGENT_URL if api_key and not base_url else ""),
        admin_email=reader.email("EARSHOT_ADMIN_EMAIL"),
        admin_password=reader.password("EARSHOT_ADMIN_PASSWORD", "EARSHOT_ADMIN_EMAIL"),
        max_upload_bytes=reader.whole("EARSHOT_MAX_UPLOAD_BYTES", 2 * GIB, 1, 1024 * GIB),
        max_duration_seconds=reader.whole("EARSHOT_MAX_DURATION_SECONDS", 12 * 3600, 1, 10**7),
        worker_threads=reader.whole("EARSHOT_WORKER_THREADS", 4, 1, 256),
        database_connections=reader.whole("EARSHOT_DATABASE_CONNECTIONS", 20, 2, 1000),
        fetch_private_hosts=reader.flag("EARSHOT_FETCH_PRIVATE_HOSTS"),
        email=reader.mail_server("EARSHOT_EMAIL_URL", "EARSHOT_EMAIL_FROM"),
        oidc=reader.openid_connect(),
        saml=reader.saml(),
        sign_up_domains=reader.domains("EARSHOT_SIGN_UP_DOMAINS"),
    )
