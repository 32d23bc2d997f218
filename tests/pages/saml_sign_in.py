"""Sign in with SAML against an identity provider of this program, and print what happened.

    python saml_sign_in.py DATA_FOLDER

A program of its own, since settings and addresses are read once: EARSHOT_SAML_METADATA_URL is
that of a server which it starts. The provider signs with a key that is made here.
"""

import base64
import json
import os
import sys
import threading
import uuid
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils as Utils

ISSUER, EMAIL_FORMAT = "https://id.test", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PEM = serialization.Encoding.PEM
METADATA = """
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{issuer}">
 <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
  <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">
   <X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
  <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
   Location="{issuer}/sso"/>
 </IDPSSODescriptor>
</EntityDescriptor>"""
RESPONSE = """
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
 xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{response}" Version="2.0"
 IssueInstant="{now}" Destination="{acs}" InResponseTo="{request}">
 <saml:Issuer>{issuer}</saml:Issuer>
 <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
 <saml:Assertion ID="{assertion}" Version="2.0" IssueInstant="{now}">
  <saml:Issuer>{issuer}</saml:Issuer>
  <saml:Subject><saml:NameID Format="{format}">{email}</saml:NameID>
   <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
    <saml:SubjectConfirmationData NotOnOrAfter="{until}" Recipient="{acs}"
     InResponseTo="{request}"/></saml:SubjectConfirmation></saml:Subject>
  <saml:Conditions NotBefore="{since}" NotOnOrAfter="{until}"><saml:AudienceRestriction>
   <saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
  <saml:AuthnStatement AuthnInstant="{now}" SessionIndex="{assertion}"><saml:AuthnContext>
   <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>
  </saml:AuthnContext></saml:AuthnStatement>
  <saml:AttributeStatement><saml:Attribute Name="urn:oid:2.5.4.42">
   <saml:AttributeValue>Ada</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>
 </saml:Assertion>
</samlp:Response>"""


class Provider:
    """An identity provider, which says of everybody what it is told to."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "id.test")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        builder = builder.public_key(key.public_key()).serial_number(1)
        builder = builder.not_valid_before(now - timedelta(days=1))
        signed = builder.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.TraditionalOpenSSL
        self.key = key.private_bytes(PEM, form, plain).decode()
        self.certificate = signed.public_bytes(PEM).decode()
        body = METADATA.format(
            issuer=ISSUER, certificate="".join(self.certificate.strip().splitlines()[1:-1])
        ).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/"

    def respond(self, request: str, email: str, is_signed: bool = True, **facts: str) -> bytes:
        """Return the response to the request with this id, whose assertion is signed."""
        now = datetime.now(UTC)

        def moment(minutes: int) -> str:
            return f"{now + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"

        values = {
            "issuer": ISSUER, "request": request, "email": email, "format": EMAIL_FORMAT,
            "acs": "http://testserver/saml/saml/acs/", "now": moment(0), "since": moment(-5),
            "audience": "http://testserver/saml/saml/metadata/", "until": moment(5),
            "response": f"_{uuid.uuid4().hex}", "assertion": f"_{uuid.uuid4().hex}",
        } | facts  # fmt: skip
        response = etree.fromstring(RESPONSE.strip().format(**values).encode())
        if is_signed:
            assertion = response.find("{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
            alone = etree.tostring(assertion, with_tail=False)
            signed = etree.fromstring(Utils.add_sign(alone, self.key, self.certificate))
            response.replace(assertion, signed)
        return bytes(etree.tostring(response))


def main(data: str) -> None:
    provider = Provider()
    os.environ |= {
        "EARSHOT_DATA": data,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "EARSHOT_SAML_METADATA_URL": provider.url,
        "EARSHOT_SAML_ENTITY_ID": ISSUER,
        "EARSHOT_SIGN_UP_DOMAINS": "allowed.test",
    }
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from django.test.utils import setup_test_environment

    from management.models import User

    setup_test_environment()
    call_command("migrate", verbosity=0)
    User.objects.create_user("ada@example.test", "a long pass phrase")

    def begin(client: Client) -> str:
        """Go to the provider; return the id of the request."""
        led = client.get("/saml/saml/login/", {"process": "login", "next": "/search/"})
        query = parse_qs(urlsplit(led["Location"]).query)
        assert led["Location"].startswith(f"{ISSUER}/sso?"), led["Location"]
        sent = zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15)
        return str(etree.fromstring(sent).get("ID"))

    def finish(client: Client, response: bytes) -> dict[str, Any]:
        """Come back from the provider; return the person who is signed in, and where."""
        form = {"SAMLResponse": base64.b64encode(response).decode(), "RelayState": ""}
        led = client.post("/saml/saml/acs/", form)
        led = client.get(led["Location"])
        where = led.headers.get("Location", "")
        account = client.get("/settings/account/")
        person = account.context["user"].email if account.status_code == 200 else ""
        return {"person": person, "led": where}

    def browser() -> Client:
        return Client(headers={"host": "testserver"})

    def visit(make: Callable[[str], bytes]) -> dict[str, Any]:
        client = browser()
        return finish(client, make(begin(client)))

    client = browser()
    replayed = provider.respond(begin(client), "ada@example.test")
    first = finish(client, replayed)
    results = {
        "metadata": browser().get("/saml/saml/metadata/").content.decode(),
        "sign_in": browser().get("/sign-in/").content.decode(),
        "known": first,
        "replayed": finish(browser(), replayed),
        "unsigned": visit(lambda pk: provider.respond(pk, "ada@example.test", is_signed=False)),
        "changed": visit(
            lambda pk: provider.respond(pk, "eve@example.test").replace(b"eve@", b"ada@")
        ),
        "foreign key": visit(lambda pk: Provider().respond(pk, "ada@example.test")),
        "other audience": visit(
            lambda pk: provider.respond(pk, "ada@example.test", audience="https://other.test")
        ),
        "late": visit(
            lambda pk: provider.respond(pk, "ada@example.test", until="2020-01-01T00:00:00Z")
        ),
        "stranger": visit(lambda pk: provider.respond(pk, "eve@example.test")),
        "of an allowed domain": visit(lambda pk: provider.respond(pk, "grace@allowed.test")),
        "people": sorted(User.objects.values_list("email", flat=True)),
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
