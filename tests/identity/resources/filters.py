"""Filters and resources by chance, and what a filter means, written down naively."""

import json

from hypothesis import strategies as st

from identity.resources.schema import ENTERPRISE_URN

TEXTS = ("a", "A", "ab", "aB", "b", "ba", "", "%", "_", "ß", "straße", "É")
TIMES = ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-06-01T12:30:00.5Z")
TYPES = ("work", "Work", "home")

text = st.sampled_from(TEXTS)
address = st.fixed_dictionaries(
    {}, optional={"value": text, "type": st.sampled_from(TYPES), "primary": st.booleans()}
).filter(bool)
resource = st.fixed_dictionaries(
    {"userName": text, "active": st.booleans()},
    optional={
        "externalId": text,
        "displayName": text,
        "title": text,
        "nickName": text,
        "name": st.fixed_dictionaries({}, optional={"givenName": text, "familyName": text}).filter(
            bool
        ),
        "emails": st.lists(address, min_size=1, max_size=3),
        "phoneNumbers": st.lists(address, min_size=1, max_size=2),
        ENTERPRISE_URN: st.fixed_dictionaries(
            {}, optional={"department": text, "costCenter": text}
        ).filter(bool),
    },
)

_TEXT_PATHS = (
    "userName", "USERNAME", "displayName", "title", "nickName", "name.givenName",
    "name.familyName", "emails", "emails.value", "emails.type", "phoneNumbers.value",
    f"{ENTERPRISE_URN}:department", f"{ENTERPRISE_URN}:costCenter", "externalId",
)  # fmt: skip
_WRAPPED = "({0[0]} {0[1]} {0[2]})".format
_ANY = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")


def _comparison(paths):
    texts = st.tuples(st.sampled_from(paths), st.sampled_from(_ANY), text.map(json.dumps))
    nulls = st.tuples(st.sampled_from(paths), st.sampled_from(["eq", "ne"]), st.just("null"))
    return (texts | nulls).map(" ".join)


present = st.sampled_from(
    [*_TEXT_PATHS, "name", "emails", "phoneNumbers", ENTERPRISE_URN, "active"]
).map("{} pr".format)
truth = st.tuples(
    st.sampled_from(["active", "emails.primary"]),
    st.sampled_from(["eq", "ne"]),
    st.sampled_from(["true", "false", '"True"']),
).map(" ".join)
inner = st.recursive(
    _comparison(("value", "type"))
    | st.sampled_from(["primary eq true", "primary pr", "value pr", "type pr"]),
    lambda more: (
        st.tuples(more, st.sampled_from(["and", "or"]), more).map(_WRAPPED)
        | more.map("not ({})".format)
    ),
    max_leaves=3,
)
elements = st.tuples(st.sampled_from(["emails", "phoneNumbers"]), inner).map(
    "{0[0]}[{0[1]}]".format
)
filters = st.recursive(
    _comparison(_TEXT_PATHS) | present | truth | elements,
    lambda more: (
        st.tuples(more, st.sampled_from(["and", "or"]), more).map(_WRAPPED)
        | more.map("not ({})".format)
    ),
    max_leaves=4,
)


def expected(node, held):
    """Decide a filter as it was read: straight from the RFC's table, and not fast."""
    kind = type(node).__name__
    if kind in ("And", "Or"):
        return (all if kind == "And" else any)([expected(part, held) for part in node.nodes])
    if kind == "Not":
        return not expected(node.node, held)
    if kind == "Complex":
        return any(expected(node.node, one) for one in held.get(node.path.name, []))
    name = str(node.path)
    if kind == "Present":
        found = _reach(held, name, whole=True)
        parts = [list(one.values()) if isinstance(one, dict) else [one] for one in found]
        return any(part not in (None, "") for many in parts for part in many)
    exact = name.lower() == "externalid"
    values = [value for value in _reach(held, name) if value is not None]
    wanted = node.value
    if wanted is None:
        return bool(values) == (node.operator == "ne")
    if values and isinstance(values[0], bool):
        wanted = wanted if isinstance(wanted, bool) else str(wanted).lower() == "true"
    elif not exact:
        values, wanted = (
            [value.casefold() for value in values],
            wanted.casefold() if isinstance(wanted, str) else wanted,
        )
    if node.operator == "ne":
        return not values or any(value != wanted for value in values)
    table = {
        "eq": lambda value: value == wanted,
        "co": lambda value: wanted in value,
        "sw": lambda value: value[: len(wanted)] == wanted,
        "ew": lambda value: value.endswith(wanted),
        "gt": lambda value: value > wanted,
        "ge": lambda value: value >= wanted,
        "lt": lambda value: value < wanted,
        "le": lambda value: value <= wanted,
    }
    return any(table[node.operator](value) for value in values)


def _reach(held, name, whole=False):
    if name.startswith(ENTERPRISE_URN):
        inside = held.get(ENTERPRISE_URN, {})
        return [inside] if name == ENTERPRISE_URN else [inside.get(name.rpartition(":")[2])]
    first, _, second = name.partition(".")
    found = next((value for key, value in held.items() if key.lower() == first.lower()), None)
    many = found if isinstance(found, list) else [found]
    if second:
        return [one.get(second) for one in many if one is not None]
    if whole:
        return many
    return [one.get("value") if isinstance(one, dict) else one for one in many]
