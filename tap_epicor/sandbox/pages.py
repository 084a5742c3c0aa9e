"""Pages of entity sets: the query string as SQL, and its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_epicor.sandbox import breakage, filters, model
from tap_epicor.sandbox.errors import EmptyError, bad_request
from tap_epicor.sandbox.filters import Subject
from tap_epicor.sandbox.shapes import JsonRow, Shape

if TYPE_CHECKING:
    import sqlite3

    from tap_epicor.sandbox.filters import Filter
    from tap_epicor.sandbox.model import Column, EntitySet
    from tap_epicor.sandbox.options import Options
    from tap_epicor.sandbox.switches import Switches

_ALIAS = "t"


@dataclass(frozen=True)
class Page:
    """Rows of an answer.

    Args:
        rows: As JSON shows them.
        count: The count asked for.
        cut: Whether the server left off rows the client wanted.
    """

    rows: list[JsonRow]
    count: int | None = None
    cut: bool = False


@dataclass(frozen=True)
class Sets:
    """Reads entity sets for one request.

    Args:
        connection: To the database.
        model: Of the data.
        company: Whose rows.
        options: The query string's.
        switches: The server's behaviour.
    """

    connection: sqlite3.Connection
    model: model.Model
    company: str
    options: Options
    switches: Switches

    def page(self, entity_set: EntitySet, parent_key: str | None = None) -> Page:
        """A page of a set.

        Args:
            entity_set: To be read.
            parent_key: The key of the parent, for paths such as `/Customers('EPIC06',1)/ShipToes`.
        """
        chosen = self.options.select(list(entity_set.columns), entity_set.full_type, list(entity_set.children))
        shape = Shape({name: entity_set.columns[name] for name in chosen}, self.options.version, self.switches)
        expanded = self._expanded(entity_set)
        source = self._source(entity_set, parent_key)
        order = order_by(self.options, entity_set.columns, entity_set.full_type, _ALIAS, self.switches)
        order += f' "{_ALIAS}".rowid {"ASC" if self.options.skip else "DESC"}'
        if not {"$filter", "$orderby"} & set(self.options.options) and parent_key is None:
            source = source.replace(" WHERE ", " NOT INDEXED WHERE ", 1)  # the table's own order: no sort
        limit = page_size(self.options, self.switches.top_default, self.switches.top_maximum)
        found = self.connection.execute(
            f'SELECT {shape.expressions(_ALIAS)}, "{_ALIAS}".rowid FROM {source} '  # noqa: S608
            f"ORDER BY {order} LIMIT {limit + 1} OFFSET {self.options.skip}"
        ).fetchall()
        rowids = [int(values[-1]) for values in found[:limit]]
        breakage.check_size(len(rowids), self.switches)
        if self._poisoned(entity_set) & set(rowids):
            raise EmptyError
        rows = shape.rows(found[:limit])
        for child in expanded:
            self._expand(entity_set, child, rows, rowids)
        return Page(rows, self._count(source, len(rows)), is_cut(self.options, len(found), limit))

    def count(self, entity_set: EntitySet) -> int:
        """The number of rows that `$filter` leaves."""
        total = self._total(self._source(entity_set, None))
        return min(total, self.switches.top_default) if self.switches.count == "page-only" else total

    def entity(self, entity_set: EntitySet, key: str) -> JsonRow | None:
        """The row of a key."""
        shape = Shape(entity_set.columns, self.options.version, self.switches)
        where = f"{self._own_company(entity_set)} AND {self._key(entity_set, key)}"
        found = self.connection.execute(
            f'SELECT {shape.expressions(_ALIAS)}, rowid FROM "{entity_set.table.name}" AS {_ALIAS} WHERE {where}'  # noqa: S608
        ).fetchall()
        if self._poisoned(entity_set) & {values[-1] for values in found}:
            raise EmptyError
        return next(iter(shape.rows(found)), None)

    def _poisoned(self, entity_set: EntitySet) -> set[int]:
        """The rowids of the rows that no answer may hold."""
        found: set[int] = set()
        for key in breakage.poisoned_keys(f"{entity_set.service}/{entity_set.name}", self.switches):
            sql = f'SELECT rowid FROM "{entity_set.table.name}" AS {_ALIAS} WHERE {self._key(entity_set, key)}'  # noqa: S608
            found.update(rowid for (rowid,) in self.connection.execute(sql))
        return found

    def _source(self, entity_set: EntitySet, parent_key: str | None) -> str:
        """The tables and the conditions."""
        table = f'"{entity_set.table.name}" AS {_ALIAS}'
        conditions = [self._own_company(entity_set)]
        if parent_key is not None:
            conditions.append(self._parent(entity_set, parent_key))
        if self.options.filter is not None:
            read = filters.read(self.options.filter, self.options.version)
            if "SysRevID" in read.columns and self.switches.revision_filter == "fails":
                raise EmptyError
            if entity_set.parent and parent_key is None and self.switches.child_filter == "parent":
                joined, condition = self._filter_of_parent(entity_set, read)
                table += joined
                conditions.append(condition)
            else:
                conditions.append(filters.condition(read, self._subject(entity_set)))
        return f"{table} WHERE {' AND '.join(conditions)}"

    def _filter_of_parent(self, child: EntitySet, read: Filter) -> tuple[str, str]:
        """The trap: a child set's filter is about its parent."""
        parent = self.model.services[child.service][child.parent or ""]
        if not set(read.columns) <= set(parent.columns):
            raise EmptyError
        linked = model.link(parent, child)
        if set(read.columns) <= set(linked):
            return "", filters.condition(read, self._subject(parent, renamed=linked))
        on = " AND ".join(f'p."{name}" = {_ALIAS}."{other}"' for name, other in linked.items())
        return f' JOIN "{parent.table.name}" AS p ON {on}', filters.condition(read, self._subject(parent, alias="p"))

    def _parent(self, child: EntitySet, key: str) -> str:
        parent = self.model.services[child.service][child.parent or ""]
        return self._key(parent, key, model.link(parent, child))

    def _key(self, entity_set: EntitySet, key: str, renamed: dict[str, str] | None = None) -> str:
        """A key such as `'EPIC06',5` as a condition."""
        values = key_values(key)
        if len(values) != len(entity_set.key) or not values:
            raise bad_request(f"The number of keys specified does not match those of '{entity_set.full_type}'.")
        named = [(name or part, value) for (name, value), part in zip(values, entity_set.key, strict=True)]
        text = " and ".join(f"{name} eq {value}" for name, value in named)
        subject = self._subject(entity_set, renamed=renamed or {})
        return filters.condition(filters.read(text, self.options.version), subject)

    def _subject(self, entity_set: EntitySet, alias: str = _ALIAS, renamed: dict[str, str] | None = None) -> Subject:
        return Subject(
            entity_set.columns, entity_set.full_type, alias, self.options.version, self.switches, renamed or {}
        )

    def _own_company(self, entity_set: EntitySet) -> str:
        column = entity_set.table.company
        return f'"{_ALIAS}"."{column}" = {filters.quoted(self.company)}' if column else "1"

    def _count(self, source: str, rows: int) -> int | None:
        if not self.options.wants_count:
            return None
        if self.switches.count == "refused":
            raise bad_request("The query option '$count' is not allowed.")
        return rows if self.switches.count == "page-only" else self._total(source)

    def _total(self, source: str) -> int:
        (total,) = self.connection.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608
        return int(total)

    def _expanded(self, entity_set: EntitySet) -> list[EntitySet]:
        names = self.options.expand
        if names and self.switches.expand == "refused":
            raise bad_request(f"The property '{names[0]}' cannot be used in the $expand query option.")
        if self.switches.expand == "ignored":
            return []
        for name in names:
            if not entity_set.expandable or name not in entity_set.children:
                raise bad_request(f"Property '{name}' on type '{entity_set.full_type}' is not a navigation property.")
        if self.options.version == 1 and "$select" in self.options.options:
            # OData 3 expands only what $select names, too.
            selected = [name.strip() for name in self.options.options["$select"].split(",")]
            names = [name for name in names if name in selected or "*" in selected]
        return [self.model.services[entity_set.service][name] for name in names]

    def _expand(self, parent: EntitySet, child: EntitySet, rows: list[JsonRow], rowids: list[int]) -> None:
        shape = Shape(child.columns, self.options.version, self.switches)
        on = " AND ".join(f'p."{name}" = {_ALIAS}."{other}"' for name, other in model.link(parent, child).items())
        sql = (
            f'SELECT {shape.expressions(_ALIAS)} FROM "{parent.table.name}" AS p '  # noqa: S608
            f'JOIN "{child.table.name}" AS {_ALIAS} ON {on} WHERE p.rowid = ? ORDER BY {_ALIAS}.rowid'
        )
        if self.switches.expand == "capped":
            sql += f" LIMIT {min(self.switches.top_default, self.switches.top_maximum)}"
        for row, rowid in zip(rows, rowids, strict=False):
            row[child.name] = shape.rows(self.connection.execute(sql, (rowid,)))


def key_values(key: str) -> list[tuple[str, str]]:
    """The parts of a key, each with its name or an empty one."""
    parts = [""]
    quoted = False
    for letter in key:
        quoted ^= letter == "'"
        if letter == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    values = []
    for part in filter(None, (part.strip() for part in parts)):
        name, equals, value = part.partition("=")
        values.append((name, value) if equals and "'" not in name else ("", part))
    return values


def order_by(options: Options, columns: dict[str, Column], type_name: str, alias: str, switches: Switches) -> str:
    """`$orderby` in SQL, with a comma at its end."""
    written = ""
    for name, descends in options.order(list(columns), type_name):
        collation = f" COLLATE {switches.collation.upper()}" if columns[name].is_text else ""
        written += f'"{alias}"."{columns[name].stored or name}"{collation} {"DESC" if descends else "ASC"}, '
    return written


def page_size(options: Options, default: int, maximum: int) -> int:
    """How many rows an answer holds at most."""
    wanted = default if options.top is None else options.top
    return min(wanted, maximum)


def is_cut(options: Options, found: int, limit: int) -> bool:
    """Whether the server left off rows: more than the limit were found, and the client did not ask for that few."""
    return found > limit and (options.top is None or options.top > limit)
