"""Random CSDL, written by a library that knows nothing of this tap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from odatapy.edm.csdl import (
    CsdlAbstractEdmProvider,
    CsdlComplexType,
    CsdlEntityContainer,
    CsdlEntitySet,
    CsdlEntityType,
    CsdlEnumMember,
    CsdlEnumType,
    CsdlNavigationProperty,
    CsdlProperty,
    CsdlPropertyRef,
    CsdlSchema,
)
from odatapy.edm.model import Edm
from odatapy.server.serializer.metadata import MetadataSerializer

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMESPACE = "Erp.Tablesets"
_PRIMITIVES = [
    "Edm.String",
    "Edm.Int16",
    "Edm.Int32",
    "Edm.Int64",
    "Edm.Byte",
    "Edm.Double",
    "Edm.Single",
    "Edm.Boolean",
    "Edm.Guid",
    "Edm.Date",
    "Edm.DateTimeOffset",
    "Edm.TimeOfDay",
    "Edm.Binary",
]
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True) | st.from_regex(
    r"[^\W\d]\w{0,30}", fullmatch=True
).filter(str.isidentifier)


def _plain(name: str) -> st.SearchStrategy[CsdlProperty]:
    text = st.builds(
        CsdlProperty,
        st.just(name),
        st.just("Edm.String"),
        st.booleans(),
        st.booleans(),
        st.none() | st.integers(1, 2**31 - 1),
    )
    number = st.integers(1, 38).flatmap(
        lambda digits: st.builds(
            CsdlProperty,
            st.just(name),
            st.just("Edm.Decimal"),
            st.booleans(),
            precision=st.just(digits),
            scale=st.none() | st.integers(0, digits) | st.just("variable"),
        )
    )
    other = st.builds(CsdlProperty, st.just(name), st.sampled_from(_PRIMITIVES), st.booleans(), st.booleans())
    enumeration = st.builds(CsdlProperty, st.just(name), st.just(f"{NAMESPACE}.State"), st.booleans())
    return text | number | other | enumeration


def _properties(names: Sequence[str]) -> st.SearchStrategy[list[CsdlProperty]]:
    return st.tuples(*map(_plain, names)).map(list)


@st.composite
def schemas(draw: st.DrawFn) -> CsdlSchema:
    """A schema with a few entity sets, one of which has a structure, and one derives from another."""
    types = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.lower))
    structure = CsdlComplexType("Place", draw(_properties(draw(st.lists(NAMES, max_size=3, unique=True)))))
    entity_types = []
    for number, name in enumerate(types):
        columns = draw(_properties(draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))))
        keys = draw(st.lists(st.sampled_from(columns), max_size=3, unique_by=lambda column: column.name))
        links = draw(st.lists(st.integers(0, 9), max_size=2, unique=True))
        base = f"{NAMESPACE}.T0{types[0]}" if number and draw(st.booleans()) else None
        entity_types.append(
            CsdlEntityType(
                f"T{number}{name}",
                [] if base else [*columns, CsdlProperty("At9", f"{NAMESPACE}.Place")],
                [CsdlNavigationProperty(f"To{link}of{number}", f"{NAMESPACE}.T0{types[0]}") for link in links],
                base,
                key=[] if base else [CsdlPropertyRef(column.name) for column in keys],
            )
        )
    return CsdlSchema(
        NAMESPACE,
        draw(st.none() | st.just("Self")),
        entity_types,
        [structure],
        [CsdlEnumType("State", [CsdlEnumMember("Open", 0)])],
        entity_container=CsdlEntityContainer(
            "Container", [CsdlEntitySet(f"{one.name}s", f"{NAMESPACE}.{one.name}") for one in entity_types]
        ),
    )


def document(schema: CsdlSchema) -> bytes:
    """The schema as `$metadata`."""

    class Provider(CsdlAbstractEdmProvider):
        def get_schemas(self) -> list[CsdlSchema]:
            return [schema]

    return MetadataSerializer().xml(Edm(Provider())).encode()


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """The document with a few cuts, repetitions and other bytes."""
    edit = st.tuples(st.integers(0, len(whole)), st.integers(0, 60), st.binary(max_size=12) | st.just(b"repeat"))

    def apply(edits: list[tuple[int, int, bytes]]) -> bytes:
        text = whole
        for start, length, instead in edits:
            cut = text[start : start + length]
            text = text[:start] + (cut * 3 if instead == b"repeat" else instead) + text[start + length :]
        return text

    return st.lists(edit, min_size=1, max_size=3).map(apply)
