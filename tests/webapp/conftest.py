"""The web application's own tests: some of them with many threads."""

from tests.databases import keep_in_a_file

keep_in_a_file()
