"""Identity providers of the team, as allauth's settings name them."""

from importlib.util import find_spec
from typing import Any

from webapp.env import Env, Misconfigured

OIDC, SAML = "sso", "saml"


def require_packages(env: Env) -> None:
    """Raise ``Misconfigured`` when SAML is set and its packages are not installed."""
    if env.saml.metadata_url and find_spec("onelogin") is None:
        raise Misconfigured(
            "EARSHOT_SAML_METADATA_URL is set and the packages for SAML are missing; install them "
            "with .venv/bin/python -m pip install --require-hashes --no-deps "
            "-r requirements/saml-1.16.0.txt"
        )


def providers(env: Env) -> dict[str, Any]:
    """The OpenID Connect and SAML providers of the environment; none are set by default."""
    named: dict[str, Any] = {}
    if env.oidc.url:
        named["openid_connect"] = {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": OIDC,
                    "name": env.oidc.name,
                    "client_id": env.oidc.client_id,
                    "secret": env.oidc.client_secret,
                    "settings": {"server_url": env.oidc.url},
                }
            ],
        }
    if env.saml.metadata_url:
        named["saml"] = {
            "APPS": [
                {
                    "provider_id": SAML,
                    "name": env.saml.name,
                    "client_id": SAML,
                    "settings": {
                        "idp": {
                            "entity_id": env.saml.entity_id,
                            "metadata_url": env.saml.metadata_url,
                        },
                        # The operator chose the provider; most send no sign of verification.
                        "verified_email": True,
                        "advanced": {
                            "allow_repeat_attribute_name": True,
                            "allow_single_label_domains": True,  # http://earshot/
                        },
                    },
                }
            ],
        }
    return named
