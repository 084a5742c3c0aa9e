"""`$filter` as a condition in SQL, by odata-query's visitor for SQLite with known columns and typed literals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from odata_query import ast, exceptions
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.sql.sqlite import AstToSqliteSqlVisitor

from tap_epicor.sandbox import literals, seek, tokens
from tap_epicor.sandbox.errors import bad_request, unknown_property
from tap_epicor.sandbox.literals import Literal
from tap_epicor.sandbox.model import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_epicor.sandbox.masters import Value
    from tap_epicor.sandbox.switches import Switches

_TEXT = Column("text", "String")
_NUMBER = Column("number", "Decimal")
_TYPES_OF_FUNCTIONS = {
    "date": Column("date", "Date"),
    "now": Column("now", "DateTimeOffset"),
    **dict.fromkeys(("concat", "substring", "tolower", "toupper", "trim"), _TEXT),
}
_PREDICATES = {"contains", "startswith", "endswith"}
_PARTS_OF_TIMES = {
    "year": (1, 4),
    "month": (6, 2),
    "day": (9, 2),
    "hour": (12, 2),
    "minute": (15, 2),
    "second": (18, 2),
}


@dataclass(frozen=True)
class Subject:
    """What a filter is about.

    Args:
        columns: The columns it may name.
        type_name: The full name of their type, for messages.
        alias: The table's alias in the SQL.
        version: Of the API, 1 or 2.
        switches: How text compares and how times are understood.
        renamed: Columns that stand for others.
    """

    columns: Mapping[str, Column]
    type_name: str
    alias: str
    version: int
    switches: Switches
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """A filter that has been read.

    Args:
        tree: As odata-query reads it.
        columns: The columns it names, in its order.
    """

    tree: ast._Node
    columns: tuple[str, ...]


def read(text: str, version: int) -> Filter:
    """Reads a filter.

    Raises:
        ServerError: When that version of the API would not understand it.
    """
    normal = tokens.normalize(text, version)
    try:
        tree: ast._Node | None = ODataParser().parse(ODataLexer().tokenize(normal))
    except exceptions.ODataException as error:
        raise bad_request(f"Syntax error in the filter '{text}'.") from error
    if tree is None:
        raise bad_request("Syntax error: the filter is empty.")
    return Filter(tree, tuple(tokens.names(normal)))


def condition(read_filter: Filter, subject: Subject) -> str:
    """The filter as a condition in SQL.

    Raises:
        ServerError: When it names a column that is not there, or compares what cannot be compared.
    """
    for name in read_filter.columns:
        if name not in subject.columns:
            raise unknown_property(name, subject.type_name)
    visitor = _Visitor(subject)
    try:
        sql = visitor.predicate(read_filter.tree)
        bounds = seek.bounds(read_filter.tree)
        least = [visitor.predicate(ast.Compare(ast.GtE(), ast.Identifier(name), at)) for name, at in bounds.items()]
    except exceptions.ODataException as error:
        raise bad_request(str(error)) from error
    except RecursionError as error:
        raise bad_request("The node count limit of the filter has been exceeded.") from error
    return " AND ".join([*least, f"({sql})"])


def quoted(value: Value) -> str:
    """A value as a literal of SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("\x00", "").replace("'", "''") + "'"
    return repr(value)


class _Visitor(AstToSqliteSqlVisitor):
    def __init__(self, subject: Subject) -> None:
        super().__init__(subject.alias)
        self._subject = subject
        self._collation = f"COLLATE {subject.switches.collation.upper()}"

    def predicate(self, node: ast._Node) -> str:
        """A condition; a value that is none is an error."""
        kind = self._column(node)
        if kind is not None and kind.kind != "Boolean":
            raise bad_request("The $filter expression must evaluate to a single boolean value.")
        return str(self.visit(node))

    def visit_Identifier(self, node: ast.Identifier) -> str:  # noqa: N802 - the visitor's own name
        name = tokens.column_name(node.name)
        own = self._subject.columns[name].stored or name
        sql = f'"{self.table_alias}"."{self._subject.renamed.get(name, own)}"'
        return f"rtrim({sql})" if self._subject.columns[name].kind == "Fixed" else sql

    def visit_Attribute(self, node: ast.Attribute) -> str:  # noqa: N802
        raise unknown_property(tokens.column_name(node.attr), self._subject.type_name)

    def visit_String(self, node: ast.String) -> str:  # noqa: N802
        return quoted(Literal.of_string(node.val).text)

    def visit_Compare(self, node: ast.Compare) -> str:  # noqa: N802
        left, right = self._sides(node)
        if isinstance(node.right, ast.Null):
            return f"({left} IS {'NOT ' if isinstance(node.comparator, ast.NotEq) else ''}NULL)"
        kind = self._column(node.left) or self._column(node.right)
        collation = f" {self._collation}" if kind is not None and kind.is_text else ""
        return f"({left}{collation} {self.visit(node.comparator)} {right})"

    def visit_BoolOp(self, node: ast.BoolOp) -> str:  # noqa: N802
        return f"({self.predicate(node.left)} {self.visit(node.op)} {self.predicate(node.right)})"

    def visit_UnaryOp(self, node: ast.UnaryOp) -> str:  # noqa: N802
        if isinstance(node.op, ast.Not):
            return f"(NOT {self.predicate(node.operand)})"
        return f"(- {self.visit(node.operand)})"

    def visit_BinOp(self, node: ast.BinOp) -> str:  # noqa: N802
        return f"({super().visit_BinOp(node)})"

    def visit_Call(self, node: ast.Call) -> str:  # noqa: N802
        name = node.func.name.lower()
        arguments = [str(self.visit(argument)) for argument in node.args]
        if name in _PARTS_OF_TIMES:
            at, length = _PARTS_OF_TIMES[name]
            return f"CAST(substr({arguments[0]}, {at}, {length}) AS INTEGER)"
        if name in _PREDICATES | {"indexof"}:
            turned = name == "contains" and self._subject.version == 1
            return self._search(name, *(reversed(arguments) if turned else arguments))
        if name == "date":
            return f"substr({arguments[0]}, 1, 10)"
        if name == "now":
            return "strftime('%Y-%m-%dT%H:%M:%S', 'now')"
        return str(super().visit_Call(node))

    def _search(self, name: str, text: str, sought: str) -> str:
        if self._subject.switches.collation == "nocase":
            text, sought = f"lower({text})", f"lower({sought})"
        if name == "startswith":
            return f"(substr({text}, 1, length({sought})) = {sought})"
        if name == "endswith":
            return f"(length({sought}) = 0 OR substr({text}, -length({sought})) = {sought})"
        found = f"instr({text}, {sought})"
        return f"({found} > 0)" if name == "contains" else f"({found} - 1)"

    def _sides(self, node: ast.Compare) -> tuple[str, str]:
        left, right = self._column(node.left), self._column(node.right)
        return self._operand(node.left, right), self._operand(node.right, left)

    def _operand(self, node: ast._Node, other: Column | None) -> str:
        """A side of a comparison; a literal as the other side's type keeps it."""
        if isinstance(node, ast.List):
            return f"({', '.join(self._operand(item, other) for item in node.val)})"
        literal = _literal(node)
        if literal is None or other is None:
            return str(self.visit(node))
        return quoted(literals.store(literal, other, self._subject.switches, self._subject.version))

    def _column(self, node: ast._Node) -> Column | None:
        """The column whose type a node has; nothing for literals and conditions."""
        if isinstance(node, ast.Identifier):
            return self._subject.columns[tokens.column_name(node.name)]
        if isinstance(node, ast.Call):
            name = node.func.name.lower()
            return None if name in _PREDICATES else _TYPES_OF_FUNCTIONS.get(name, _NUMBER)
        if isinstance(node, ast.BinOp):
            return self._column(node.left) or self._column(node.right) or _NUMBER
        return None


def _literal(node: ast._Node) -> Literal | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _literal(node.operand)
        return inner and Literal(inner.kind, f"-{inner.text}")
    if isinstance(node, ast.String):
        return Literal.of_string(node.val)
    if isinstance(node, (ast.Integer, ast.Float)):
        return Literal("number", node.val)
    if isinstance(node, ast.Boolean):
        return Literal("boolean", node.val)
    return None
