"""The browser's SHA-256 of the beginning of a file is the server's."""

import hashlib

import pytest

from tests.pages.cast import Cast

MIB = 1024 * 1024
HASHED = """async ([address, length, size]) => {
  const { beginning } = await import(address);
  const bytes = Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) % 251);
  return beginning(new Blob([bytes]), size);
}"""


@pytest.mark.parametrize("theirs", [0, 3])
def test_the_hash_is_that_of_hashlib(page, cast: Cast, theirs: int):
    page.goto("/upload/")
    address = page.locator("script[type=module]").last.get_attribute("src")
    address = address.rpartition("/")[0] + "/sha256.js"
    for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 4096, MIB - 1, MIB, MIB + 57, 2 * MIB):
        found = page.evaluate(HASHED, [address, size + theirs, size])
        content = bytes((at * 7 + (at >> 8)) % 251 for at in range(size))
        assert found == hashlib.sha256(content).hexdigest(), size
