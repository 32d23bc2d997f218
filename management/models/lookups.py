"""Lookups that Django does not have."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import ForeignKey, Lookup, Model


@ForeignKey.register_lookup
class Among(Lookup):
    """``project__among=projects``: one of these rows or ids, of which there may be hundreds.

    Rows and results are those of ``in``. The ids stand in the SQL as numbers: hundreds of
    parameters of each query are most of the time of a page of a large account.
    """

    lookup_name = "among"
    prepare_rhs = False

    def __init__(self, lhs: Any, rhs: Iterable[Model | int]) -> None:
        super().__init__(lhs, [each.pk if isinstance(each, Model) else int(each) for each in rhs])

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        if not self.rhs:
            raise EmptyResultSet
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} IN ({', '.join(map(str, self.rhs))})", parameters
