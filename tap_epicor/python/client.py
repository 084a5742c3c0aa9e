"""The client for Python: settings become a signed-in client, names become reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_epicor.connection import connect
from tap_epicor.kinetic.plan import make_plan, parts
from tap_epicor.kinetic.skipping import COUNTER
from tap_epicor.kinetic.source import Rows
from tap_epicor.python.names import Names, check_columns, check_parameters, check_values
from tap_epicor.python.reads import Read
from tap_epicor.python.settings import checked
from tap_epicor.python.values import Columns
from tap_epicor.stream_settings import as_list, query_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Unpack

    import pyarrow as pa

    from tap_epicor.kinetic.catalogue import Found
    from tap_epicor.python.settings import ClientSettings


class Kinetic:
    """A company of a Kinetic instance, for any number of threads; no request is made before the first read.

    Args:
        url: address of the server, such as `https://erp.example.com/KineticLive`.
        settings: the tap's settings of the same names, with the same defaults; docs/python.md lists them.

    Raises:
        WrongSettings: if the settings are not right; its text says all that is wrong.
    """

    def __init__(self, url: str, **settings: Unpack[ClientSettings]) -> None:
        config = checked({"url": url, **settings})
        self._client = connect(config)
        self._company = ",".join(as_list(config.get("company")))
        self._page_size = int(config["page_size"])
        self._skips = config["unreadable_rows"] == "skip"
        self._names = Names(self._client, self._company)

    def rows(
        self,
        name: str,
        *,
        select: str | Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - OData's own word
        key: str | Sequence[str] | None = None,
        ordered: bool = True,
    ) -> Read:
        """Return the rows of an entity set.

        Its service is asked for keys and types at once, the first time; the rows are asked for when they are taken.

        Args:
            name: service and set, such as `Erp.BO.CustomerSvc/Customers`.
            select: the columns wanted, in this order; all where left out.
            filter: OData condition that rows must meet, sent as it stands.
            key: the columns that tell rows apart, in order, where they are not those that the server declares; empty
                to read by `$skip`.
            ordered: whether rows are to come in the order of the key; else a big set is read in several ranges of its
                key at once, as far as `max_connections` allows.

        Raises:
            NoSuchName: if there is no such service, set or column, with names that come near.
            KineticError: if the service can't be read.
        """
        found = self._names.entity_set(name)
        return self._read(found, select, filter, found.type.key if key is None else as_list(key), ordered=ordered)

    def pages(
        self,
        name: str,
        *,
        select: str | Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - OData's own word
        key: str | Sequence[str] | None = None,
        ordered: bool = True,
    ) -> Iterator[pa.Table]:
        """Return the pages of an entity set as Arrow tables: `rows(…).pages()`.

        Args:
            name: as for `rows`.
            select: as for `rows`.
            filter: as for `rows`.
            key: as for `rows`.
            ordered: as for `rows`.

        Raises:
            KineticError: as for `rows`, or if pyarrow is not installed.
        """
        return self.rows(name, select=select, filter=filter, key=key, ordered=ordered).pages()

    def baq(  # noqa: PLR0913
        self,
        query: str,
        /,
        *,
        select: str | Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - OData's own word
        key: str | Sequence[str] = (),
        ordered: bool = True,
        parameters: Mapping[str, Any] | None = None,
        **named: Any,  # noqa: ANN401 - what the BAQ takes
    ) -> Read:
        """Return the rows of a BAQ.

        Args:
            query: its id.
            select: the columns wanted, in this order; all where left out.
            filter: OData condition that rows must meet; Kinetic applies it after the query has run.
            key: columns that tell rows apart, in order: then it is read by them; by `$skip` where left out.
            ordered: as for `rows`; since a BAQ is not counted, which would run it again, it is never read in ranges.
            parameters: parameters of the BAQ, for those whose names are arguments here.
            named: parameters of the BAQ; a list gives several values, None leaves one out.

        Raises:
            NoSuchName: if there is no such BAQ, column or parameter, with names that come near.
            KineticError: if a parameter is missing or no value, or the BAQ can't be read.
        """
        found = self._names.baq(query)
        values = {**(parameters or {}), **named}
        check_values(query, values)
        given = query_parameters(values)
        check_parameters(found, dict(given))
        return self._read(found, select, filter, as_list(key), given, ordered=ordered)

    def _read(  # noqa: PLR0913
        self,
        found: Found,
        select: str | Sequence[str] | None,
        condition: str | None,
        key: Sequence[str],
        parameters: Sequence[tuple[str, str]] = (),
        *,
        ordered: bool,
    ) -> Read:
        known = found.type.columns
        names = tuple(dict.fromkeys(as_list(select))) or tuple(
            name for name in known if not (found.source.is_baq and name == COUNTER)
        )
        check_columns(found, names, "select")
        check_columns(found, key, "key")
        asked = dict.fromkeys([*key, *names])
        sortable = [name for name in asked if known[name].type != "Complex" and not known[name].collection]
        rows = Rows(
            self._client,
            found.source,
            self._company,
            condition,
            parameters,
            tuple(asked) if select and len(asked) < len(known) else (),
            sortable,
        )
        return Read(
            rows,
            make_plan(parts(key, {name: column.type for name, column in known.items()})),
            Columns(str(found.source), [known[name] for name in names], key, known.keys() - set(names)),
            page_size=self._page_size,
            ordered=ordered,
            skips=self._skips,
        )
