"""Django settings of the web application. Values that may differ come from `webapp.env`."""

import secrets
import sys
from pathlib import Path
from typing import Any

import dj_database_url

from management.keyfiles import UnusableKeyFile, read_or_make
from webapp.env import ROOT, Misconfigured, read
from webapp.http import assets
from webapp.running import data
from webapp.signin.providers import providers, require_packages

try:
    ENV = read()
    DATA = ENV.data
    data.prepare(DATA)
    SECRETS = DATA / "secrets"
    SECRET_KEY = ENV.secret_key or read_or_make(
        SECRETS / "django.key", lambda: secrets.token_urlsafe(50)[:50]
    )
except (Misconfigured, UnusableKeyFile) as error:
    sys.exit(f"Earshot cannot start: {error}")

DEBUG = ENV.debug
DEFAULT_EXCEPTION_REPORTER_FILTER = "webapp.http.errors.WithoutValues"
SECRET_KEY_FALLBACKS = list(ENV.secret_key_fallbacks)
# Keys of other servers are encrypted with this one; losing it means entering them again.
ENCRYPTION_KEY_FILE = SECRETS / "encryption.key"

ALLOWED_HOSTS = [*ENV.allowed_hosts, "127.0.0.1", "localhost", "[::1]"]
if ENV.host not in {"0.0.0.0", "::", "127.0.0.1"}:  # noqa: S104 compared, not bound
    ALLOWED_HOSTS.append(ENV.host)
CSRF_TRUSTED_ORIGINS = [ENV.public_url] if ENV.public_url else []
HTTPS = ENV.public_url.startswith("https://")

INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    *(["allauth.socialaccount.providers.saml"] if ENV.saml.metadata_url else []),
    "allauth.mfa",
    "allauth.usersessions",
    "management",
    "transcripts",
    "webapp",
]

MIDDLEWARE = [
    "webapp.http.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "webapp.http.assets.CompressText",
    "servestatic.middleware.ServeStaticMiddleware",
    "webapp.http.middleware.content_security_policy",
    "webapp.http.middleware.errors_as_pages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.signin.api_tokens.api_tokens",
    "allauth.account.middleware.AccountMiddleware",
    "webapp.http.middleware.private_responses",
    "webapp.http.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webapp.http.timezones.LocalTime",
    "django_htmx.middleware.HtmxMiddleware",
    "webapp.signin.presence.seen",
]

ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "transcripts.context.shell",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader"],
                )
            ]
            if not DEBUG
            else ["django.template.loaders.filesystem.Loader"],
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(
        ENV.database_url or f"sqlite:///{DATA / 'earshot.sqlite3'}",
        # Under ASGI each request has a thread of its own: a connection that outlives its request
        # is never used again, and never closed.
        conn_max_age=0,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A deferred transaction ignores the busy timeout when it first writes.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
        "PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456;",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": ENV.database_connections,
        "timeout": 20,
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "management.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
PASSWORD_HASHERS = ["webapp.signin.hashing.BackgroundPBKDF2"]
CSRF_FAILURE_VIEW = "webapp.http.errors.csrf_failure"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign_in"

# allauth: accounts are made by administrators and invitations, never by their owners.
ACCOUNT_ADAPTER = "webapp.signin.accounts.AccountAdapter"
ACCOUNT_FORMS = {"reset_password_from_key": "webapp.signin.accounts.NewPasswordForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # or anybody could have Earshot send mail to anybody
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_METHODS = ("password", "mfa")
# Failed passwords are limited by `webapp.signin.attempts`; this limit is that of second factors.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "10/5m/key"}
PASSWORD_RESET_TIMEOUT = 24 * 3600
SOCIALACCOUNT_ADAPTER = "webapp.signin.accounts.ProviderAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # form-action of our policy is this server alone
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
require_packages(ENV)
SOCIALACCOUNT_PROVIDERS = providers(ENV)
MFA_ADAPTER = "webapp.signin.accounts.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an administrator has made the account
MFA_TOTP_ISSUER = "Earshot"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS

EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if ENV.email.host else 'dummy'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = ENV.email.host, ENV.email.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = ENV.email.user, ENV.email.password
EMAIL_USE_SSL, EMAIL_USE_TLS = ENV.email.is_ssl, ENV.email.starts_tls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = ENV.email.sender

# Limits of allauth and used codes, shared by all processes of the web application.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
    }
}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

STATICFILES_DIRS = [assets.FOLDER]
if DEBUG:  # a changed file keeps its address
    STATIC_URL = "static/"
    SERVESTATIC_AUTOREFRESH = SERVESTATIC_USE_FINDERS = True
else:
    STATIC_URL = f"static/{assets.digest()}/"
    STATIC_ROOT = DATA / "static" / assets.digest()
    SERVESTATIC_ADD_HEADERS_FUNCTION = assets.cache_for_ever
MEDIA_ROOT = DATA / "media"
UPLOADS = DATA / "uploads"
# Django's default makes stored files readable to everyone, whatever the umask.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700


def media_storage(url: str) -> dict[str, Any]:
    """The storage backend that MEDIA_STORAGE_URL names: `s3://bucket/prefix` or a folder."""
    if url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {"bucket_name": bucket, "location": prefix, "file_overwrite": False},
        }
    location = url.removeprefix("file://") if url else MEDIA_ROOT
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": location},
    }


STORAGES = {
    "default": media_storage(ENV.media_storage_url),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
IN_FILES = "bucket_name" not in STORAGES["default"]["OPTIONS"]
MEDIA_FOLDER = Path(STORAGES["default"]["OPTIONS"]["location"] if IN_FILES else MEDIA_ROOT)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    try:
        data.check_database(Path(DATABASES["default"]["NAME"]), MEDIA_FOLDER)
    except Misconfigured as error:
        sys.exit(f"Earshot cannot start: {error}")

# A larger chunk of an upload goes to a temporary file; pages send less.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [ENV.channel_layer_url]},
    }
    if ENV.channel_layer_url
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

CELERY_BROKER_URL = ENV.broker_url or "filesystem://"
if CELERY_BROKER_URL == "filesystem://":
    QUEUE = DATA / "broker" / "queue"
    CONTROL = DATA / "broker" / "control"
    for folder in (QUEUE, CONTROL):
        folder.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE),
        "data_folder_out": str(QUEUE),
        "control_folder": str(CONTROL),
        "store_processed": False,
        "polling_interval": 0.1,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message only wakes a worker: a broker that is down must not delay the sender.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = ENV.worker_threads
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "webapp.running.schedule:Schedule"
CELERY_BEAT_SCHEDULE = {
    "wake jobs that nobody works on": {"task": "transcripts.sweep", "schedule": 5.0},
    "mirror the speech account": {"task": "management.mirror", "schedule": 300.0},
}

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = True  # for the names of days and months alone

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "filters": {
        "requests": {"()": "webapp.logs.RequestFilter"},
        "flood": {"()": "webapp.logs.Flood"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["requests", "flood"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"level": "INFO"},
        "httpx": {"level": "WARNING"},
        "fido2": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
