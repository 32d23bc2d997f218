"""Sign-in with SAML: signed responses of a provider of the test's own, and forged ones."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.full

PACKAGES = Path(sys.prefix) / "share" / "earshot" / "saml-1.16.0"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = tmp_path_factory.mktemp("saml")
    done = subprocess.run(
        [sys.executable, "-m", "tests.pages.saml_sign_in", str(data)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(PACKAGES)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_person_with_an_account_is_signed_in(results):
    assert results["known"] == {"person": "ada@example.test", "led": "/search/"}
    assert "Sign in with SAML" in results["sign_in"]


@pytest.mark.parametrize(
    "forged", ["replayed", "unsigned", "changed", "foreign key", "other audience", "late"]
)
def test_a_response_that_the_provider_did_not_sign_for_this_visit_signs_nobody_in(forged, results):
    assert results[forged]["person"] == ""


def test_strangers_get_an_account_only_with_an_allowed_domain(results):
    assert results["stranger"]["person"] == ""
    assert results["of an allowed domain"]["person"] == "grace@allowed.test"
    assert results["people"] == ["ada@example.test", "grace@allowed.test"]


def test_our_metadata_name_the_address_for_responses(results):
    assert "http://testserver/saml/saml/acs/" in results["metadata"]
