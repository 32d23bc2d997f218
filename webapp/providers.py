"""Identity providers of the team, as allauth's settings name them."""

from typing import Any

from webapp.env import Env

OIDC, SAML = "sso", "saml"


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
                        "advanced": {"allow_repeat_attribute_name": True},
                    },
                }
            ],
        }
    return named
