"""Filters as SQL conditions (RFC 7644 §3.4.2.2).

They decide as `identity.resources.evaluate` does, which is tested for any filter
(tests/identity/directory/test_conditions.py). What has a column or an index of its own is
compared there; the rest in the casefolded document of the row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import Expression

from identity.directory import sql
from identity.directory.sql import Piece
from identity.models import SCIMGroup, SCIMUser
from identity.resources import evaluate
from identity.resources.attributes import Attribute
from identity.resources.bound import Comparison, Element, Node, Present, bind
from identity.resources.connectives import And, Not, Or
from identity.resources.grammar import parse_filter
from identity.resources.refusals import InvalidFilter
from identity.resources.schema import (
    ENTERPRISE_URN,
    GROUP,
    GROUP_URN,
    STEWARD_URN,
    USER,
    USER_URN,
    ResourceType,
    Target,
)
from kernel.errors import Missing
from kernel.ids import decode

_U, _G = SCIMUser._meta.db_table, SCIMGroup._meta.db_table


@dataclass(frozen=True, slots=True)
class Rows:
    """A list: where its elements come from, and the SQL of each sub-attribute in one."""

    source: str
    where: Piece
    part: Callable[[Attribute], Piece]
    is_document: bool = False

    def some(self, condition: Piece) -> Piece:
        """Whether an element fulfils a condition."""
        return sql.exists(self.source, self.where & condition)


@dataclass(frozen=True, slots=True)
class Always:
    """Values that the row does not hold and that are known without it."""

    values: tuple[str, ...]


Place = Piece | Rows | Always


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the attributes of a resource type are: by their path in lower case.

    `document` is the JSON column for everything else, empty if there is none. `others` is the
    attribute that lists resources of the other type.
    """

    resource_type: ResourceType
    prefix: str
    table: str
    places: Mapping[str, Callable[[], Place]]
    others: str
    document: str = ""


class Condition(Expression):
    """A piece of SQL as a condition of a queryset."""

    def __init__(self, piece: Piece) -> None:
        super().__init__(output_field=BooleanField())
        self._piece = piece

    def as_sql(self, _compiler: Any, _connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL, with the values beside it."""
        return self._piece.text, self._piece.values


def condition(text: str, columns: Columns) -> Condition:
    """Return a filter as a condition for `.filter()`. Raises `InvalidFilter`."""
    return Condition(compiled(bind(parse_filter(text), columns.resource_type), columns))


def compiled(node: Node, columns: Columns) -> Piece:
    """Return a bound filter as a piece of SQL."""
    match node:
        case And(nodes):
            return sql.all_of(compiled(part, columns) for part in nodes)
        case Or(nodes):
            return sql.any_of(compiled(part, columns) for part in nodes)
        case Not(inner):
            return ~compiled(inner, columns)
        case Present(target):
            return _present(target, columns)
        case Element(target, inner):
            return _element(target, inner, columns)
        case Comparison():
            return _comparison(node, columns)


def _comparison(node: Comparison, columns: Columns) -> Piece:
    indexed = _by_index(node, columns)
    if indexed is not None:
        return indexed
    place = _place(node.target, columns)
    if isinstance(place, Always):
        urn = node.target.attribute
        assert urn is not None  # noqa: S101 - only attributes have such values
        return sql.constant(evaluate.matches(node, {urn.name: list(place.values)}))
    if isinstance(place, Rows):
        held = place.part(node.leaf)
        if node.value is None:
            return _negated_if(node.operator == "eq", place.some(_is_there(held)))
        if node.operator == "ne":
            return ~place.some(_is_there(held)) | place.some(_compare(held, node))
        return place.some(_compare(held, node))
    if node.value is None:
        return _negated_if(node.operator == "eq", _is_there(place))
    if node.operator == "ne":
        return ~_is_there(place) | _compare(place, node)
    return _compare(place, node)


def _by_index(node: Comparison, columns: Columns) -> Piece | None:
    """Return the condition that an index answers, where there is one for just this."""
    name = _name(node.target)
    if node.operator != "eq" or node.value is None:
        return None
    if name == "id":
        try:
            row_id = decode(columns.prefix, node.value)
        except Missing:
            return sql.NEVER
        is_id = node.value == f"{columns.prefix}_{row_id.hex}"
        return Piece(f"({columns.table}.id = %s)", (sql.key(row_id),)) if is_id else sql.NEVER
    if name == "externalid" and node.value:
        # In the words of the partial index, which the planner must recognise.
        column = f"{columns.table}.external_id"
        return Piece(f"({column} = %s AND NOT ({column} = ''))", (node.value,))
    if columns.resource_type is USER and name in ("emails", "emails.value"):
        return _with_address(node.value)
    if name in (columns.others, f"{columns.others}.value"):
        return _with_other(node.value, columns)
    return None


def _with_other(value: str, columns: Columns) -> Piece:
    """Whether a row has this one among its groups, or its members: found by its key."""
    prefix, column = _OTHERS[columns.others]
    try:
        row_id = decode(prefix, value)
    except Missing:
        return sql.NEVER
    place = columns.places[columns.others]()
    if value != f"{prefix}_{row_id.hex}" or not isinstance(place, Rows):
        return sql.NEVER
    return place.some(Piece(f"({column} = %s)", (sql.key(row_id),)))


def _with_address(value: str) -> Piece:
    return Piece(
        f"({_U}.id IN (SELECT a.user_id FROM identity_scimemail a "  # noqa: S608 - our names # nosec B608
        f"WHERE a.organization_id = {_U}.organization_id AND a.value_key = %s))",
        (value,),
    )


def _element(target: Target, inner: Node, columns: Columns) -> Piece:
    place = _place(target, columns)
    if isinstance(place, Rows):
        found = place.some(_inside(inner, place.part))
        if columns.resource_type is USER and _name(target) == "emails":
            # The index first: what it leaves is looked at closely.
            for wanted in _required_values(inner):
                found = _with_address(wanted) & found
        if _name(target) == columns.others:
            keyed = [_with_other(value, columns) for value in _required_values(inner)]
            # A filter by the value alone is answered by the key alone.
            is_all = isinstance(inner, Comparison) and bool(keyed)
            return sql.all_of(keyed if is_all else [*keyed, found])
        return found
    assert target.attribute is not None  # noqa: S101 - `bind` saw to it
    path = _path(target)

    def part(sub: Attribute) -> Piece:
        return _text(columns.document, (*path, sub.name), sub)

    return _inside(inner, part) & sql.any_of(
        _is_there(part(sub)) for sub in target.attribute.subs
    )


def _required_values(node: Node) -> list[str]:
    """Return the values that an element must have, as far as that is plain to see."""
    match node:
        case And(nodes):
            return [value for part in nodes for value in _required_values(part)]
        case Comparison(target, "eq", value) if target.attribute and isinstance(value, str):
            return [value] if target.attribute.name == "value" else []
    return []


def _inside(node: Node, part: Callable[[Attribute], Piece]) -> Piece:
    """Return the condition on one element, whose parts are found by `part`."""
    match node:
        case And(nodes):
            return sql.all_of(_inside(inner, part) for inner in nodes)
        case Or(nodes):
            return sql.any_of(_inside(inner, part) for inner in nodes)
        case Not(inner):
            return ~_inside(inner, part)
        case Present(target):
            assert target.attribute is not None  # noqa: S101 - `bind_element` saw to it
            return _is_something(part(target.attribute))
        case Comparison(target):
            held = part(node.leaf)
            if node.value is None:
                return _negated_if(node.operator == "eq", _is_there(held))
            if node.operator == "ne":
                return ~_is_there(held) | _compare(held, node)
            return _compare(held, node)
        case Element():
            raise InvalidFilter("An element of a list has no lists in it.")


def _present(target: Target, columns: Columns) -> Piece:
    if target.attribute is None:
        extension = columns.resource_type.extension(str(target.urn))
        assert extension is not None  # noqa: S101 - `bind` saw to it
        if extension.urn == STEWARD_URN:
            return sql.ALWAYS
        return sql.any_of(
            _present(Target(target.urn, attribute), columns) for attribute in extension.attributes
        )
    if _name(target) == "meta":
        return sql.ALWAYS
    place = _place(target, columns)
    if isinstance(place, Always):
        return sql.constant(bool(place.values))
    if isinstance(place, Rows):
        if not place.is_document:
            return place.some(sql.ALWAYS)
        subs = (target.sub,) if target.sub else target.attribute.subs
        return place.some(sql.any_of(_is_something(place.part(sub)) for sub in subs))
    if target.attribute.type == "complex" and target.sub is None:
        path = _path(target)
        return sql.any_of(
            _is_something(_text(columns.document, (*path, sub.name), sub))
            for sub in target.attribute.subs
        )
    return _is_something(place)


def _place(target: Target, columns: Columns) -> Place:
    """Return where what a target names is held. Raises `InvalidFilter` for what is nowhere."""
    assert target.attribute is not None  # noqa: S101 - whole extensions went another way
    known = columns.places.get(_name(target)) or columns.places.get(
        _name(Target(target.urn, target.attribute))
    )
    if known is not None:
        return known()
    if not columns.document or target.attribute.is_read_only or target.urn == STEWARD_URN:
        raise InvalidFilter(f"“{_name(target)}” is shown, but nothing can be found by it.")
    path = _path(target)
    if target.attribute.multi_valued:
        source = sql.json_elements(columns.document, path, "element")
        return Rows(
            source,
            sql.ALWAYS,
            lambda sub: _text("element.value", (sub.name,), sub),
            is_document=True,
        )
    if target.attribute.type == "complex":
        leaf = target.sub or target.leaf
        assert leaf is not None  # noqa: S101 - a target with an attribute has one
        return _text(columns.document, (*path, leaf.name), leaf)
    return _text(columns.document, path, target.attribute)


def _path(target: Target) -> tuple[str, ...]:
    assert target.attribute is not None  # noqa: S101 - whole extensions went another way
    return (target.urn, target.attribute.name) if target.urn else (target.attribute.name,)


def _text(document: str, path: tuple[str, ...], attribute: Attribute) -> Piece:
    return sql.json_text(document, path, boolean=attribute.type == "boolean")


def _name(target: Target) -> str:
    """Return a target's path in lower case, as `Columns.places` has it."""
    assert target.attribute is not None  # noqa: S101 - whole extensions went another way
    name = f"{target.attribute.name}.{target.sub.name}" if target.sub else target.attribute.name
    return (f"{target.urn}:{name}" if target.urn else name).lower()


def _compare(held: Piece, node: Comparison) -> Piece:
    if node.leaf.type == "dateTime":
        return sql.compare_moment(held, node.operator, node.value)
    if node.leaf.type == "boolean":
        return sql.compare_text(held, node.operator, "true" if node.value else "false")
    return sql.compare_text(held, node.operator, node.value)


def _is_there(held: Piece) -> Piece:
    return Piece(f"({held.text} IS NOT NULL)", held.values)


def _is_something(held: Piece) -> Piece:
    # As text: `''` is no time, and PostgreSQL would refuse to compare the two.
    return Piece(
        f"({held.text} IS NOT NULL AND CAST({held.text} AS text) <> '')", held.values + held.values
    )


def _negated_if(negated: bool, piece: Piece) -> Piece:  # noqa: FBT001 - what it is called after
    return ~piece if negated else piece


def _wire_id(prefix: str, column: str) -> Piece:
    """Return a row's id as clients see it."""
    if connection.vendor == "postgresql":
        return Piece(f"('{prefix}_' || replace(CAST({column} AS text), '-', ''))")
    return Piece(f"('{prefix}_' || {column})")


def _or_null(column: str) -> Piece:
    return Piece(f"NULLIF({column}, '')")


def _of_membership(of_member: str, of_invitation: str) -> Piece:
    """Return what a membership says, or the invitation where there is none yet."""
    return Piece(
        f"COALESCE((SELECT {of_member} FROM orgs_membership m "  # noqa: S608 - our names # nosec B608
        "LEFT JOIN orgs_role r ON r.id = m.custom_role_id "
        f"WHERE m.id = {_U}.membership_id), (SELECT {of_invitation} FROM orgs_invitation i "
        f"LEFT JOIN orgs_role r ON r.id = i.custom_role_id WHERE i.id = {_U}.invitation_id))"
    )


_STATUS = Piece(
    f"(CASE WHEN {_U}.membership_id IS NULL THEN 'awaiting confirmation' "
    f"WHEN {_U}.is_active THEN 'active' ELSE 'deactivated' END)"
)


def _groups() -> Rows:
    def part(sub: Attribute) -> Piece:
        if sub.name == "value":
            return _wire_id(SCIMGroup.wire_prefix, "g.id")
        if sub.name == "display":
            return Piece("g.display_name_key")
        if sub.name == "type":
            return Piece("'direct'")
        raise InvalidFilter(f"“groups.{sub.name}” is shown, but nothing can be found by it.")

    source = f"{_G} g JOIN orgs_teammembership t ON t.team_id = g.team_id"
    return Rows(source, Piece(f"t.membership_id = {_U}.membership_id"), part)


def _members() -> Rows:
    def part(sub: Attribute) -> Piece:
        if sub.name == "value":
            return _wire_id(SCIMUser.wire_prefix, "u.id")
        if sub.name == "type":
            return Piece("'user'")
        raise InvalidFilter(f"“members.{sub.name}” is shown, but nothing can be found by it.")

    placed = (
        f"(SELECT u.id FROM {_U} u JOIN orgs_teammembership t "  # noqa: S608 - our names # nosec B608
        f"ON t.membership_id = u.membership_id WHERE t.team_id = {_G}.team_id UNION ALL "
        f"SELECT u.id FROM {_U} u JOIN orgs_invitationteam t "
        f"ON t.invitation_id = u.invitation_id WHERE t.team_id = {_G}.team_id "
        "AND u.membership_id IS NULL) u"
    )
    return Rows(placed, sql.ALWAYS, part)


_OTHERS = {
    "groups": (SCIMGroup.wire_prefix, "g.id"),
    "members": (SCIMUser.wire_prefix, "u.id"),
}


def _schemas() -> Place:
    def part(_sub: Attribute) -> Piece:
        return Piece("s.urn")

    has_enterprise = f"(SELECT '{USER_URN}' AS urn UNION ALL SELECT '{STEWARD_URN}' UNION ALL "
    probe = _present_enterprise()
    source = f"{has_enterprise} SELECT '{ENTERPRISE_URN}' WHERE {probe.text}) s"
    return Rows(source, sql.ALWAYS, part)


def _present_enterprise() -> Piece:
    if connection.vendor == "postgresql":
        return Piece(f"{_U}.search -> '{ENTERPRISE_URN}' IS NOT NULL")
    return Piece(f"json_type({_U}.search, '$.\"{ENTERPRISE_URN}\"') IS NOT NULL")


def _always(value: str) -> Callable[[], Place]:
    return lambda: Piece(f"'{value}'")


def _column(name: str) -> Callable[[], Place]:
    return lambda: Piece(name)


USERS = Columns(
    USER,
    SCIMUser.wire_prefix,
    _U,
    {
        "id": lambda: _wire_id(SCIMUser.wire_prefix, f"{_U}.id"),
        "username": _column(f"{_U}.user_name_key"),
        "externalid": lambda: _or_null(f"{_U}.external_id"),
        "active": _column(f"(CASE WHEN {_U}.is_active THEN 'true' ELSE 'false' END)"),
        "schemas": _schemas,
        "groups": _groups,
        "meta.resourcetype": _always("User"),
        "meta.created": _column(f"{_U}.created_at"),
        "meta.lastmodified": _column(f"{_U}.modified_at"),
        f"{STEWARD_URN}:organizationRole".lower(): lambda: _of_membership(
            "COALESCE(r.name_key, m.role)", "COALESCE(r.name_key, i.role)"
        ),
        f"{STEWARD_URN}:seat".lower(): lambda: _of_membership("m.seat", "i.seat"),
        f"{STEWARD_URN}:status".lower(): lambda: _STATUS,
    },
    "groups",
    document=f"{_U}.search",
)
GROUPS = Columns(
    GROUP,
    SCIMGroup.wire_prefix,
    _G,
    {
        "id": lambda: _wire_id(SCIMGroup.wire_prefix, f"{_G}.id"),
        "displayname": _column(f"{_G}.display_name_key"),
        "externalid": lambda: _or_null(f"{_G}.external_id"),
        "schemas": lambda: Always((GROUP_URN,)),
        "members": _members,
        "meta.resourcetype": _always("Group"),
        "meta.created": _column(f"{_G}.created_at"),
        "meta.lastmodified": _column(f"{_G}.modified_at"),
    },
    "members",
)
