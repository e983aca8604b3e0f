"""PATCH operations by chance, and what they do, written down naively (RFC 7644 §3.5.2)."""

import copy

from hypothesis import strategies as st

from identity.resources.schema import ENTERPRISE_URN

DEPARTMENT = f"{ENTERPRISE_URN}:department"
TYPES = ("work", "home")
text = st.sampled_from(["a", "b", "Ünder", "x y", '"quoted"', "0"])
address = st.sampled_from(["a@x.org", "b@x.org", "c@x.org"])
element = st.fixed_dictionaries({"value": address, "type": st.sampled_from(TYPES)})
chosen = st.builds(lambda one, primary: {**one, "primary": primary}, element, st.booleans())
name = st.fixed_dictionaries({}, optional={"givenName": text, "familyName": text}).filter(bool)


def _op(kind, path, value):
    return {"kind": kind, "path": path, "value": value}


kinds = st.sampled_from(["add", "replace"])
filtered = st.sampled_from([f'emails[type eq "{kind}"]' for kind in TYPES])
operation = st.one_of(
    st.builds(_op, kinds, st.sampled_from(["displayName", "title", DEPARTMENT]), text),
    st.builds(_op, kinds, st.sampled_from(["name.givenName", "NAME.familyname"]), text),
    st.builds(_op, kinds, st.just("name"), name),
    st.builds(_op, kinds, st.just("emails"), st.lists(element, min_size=1, max_size=2)),
    st.builds(_op, st.just("add"), st.just("emails"), chosen.map(lambda one: [one])),
    st.builds(_op, kinds, filtered.map("{}.value".format), address),
    st.builds(_op, st.just("replace"), filtered, element),
    st.builds(
        _op,
        st.just("remove"),
        st.sampled_from(["displayName", "title", DEPARTMENT, "name", "name.givenName", "emails"])
        | filtered,
        st.none(),
    ),
    st.builds(_op, st.just("remove"), st.just("emails"), element.map(lambda one: [one])),
    st.builds(
        _op,
        kinds,
        st.none(),
        st.fixed_dictionaries(
            {},
            optional={"displayName": text, "name.givenName": text, DEPARTMENT: text, "id": text},
        ),
    ),
)
operations = st.lists(operation, min_size=1, max_size=5)


def body_of(found, letters):
    """Return the body of a PATCH; `letters` writes the operations' names."""
    listed = []
    for one in found:
        wire = {"op": letters(one["kind"]), "path": one["path"], "value": one["value"]}
        listed.append({key: value for key, value in wire.items() if value is not None})
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": listed,
    }


class Refused(Exception):
    """The RFC lets the operation fail: nothing is there to work on."""


def naive(resource, found):
    """Return the resource after operations; raise `Refused`."""
    after = copy.deepcopy(resource)
    for one in found:
        if one["path"] is None:
            for path, value in one["value"].items():
                if path != "id":
                    _do(after, one["kind"], path, value)
        else:
            _do(after, one["kind"], one["path"], one["value"])
    return after


def _do(held, kind, path, value):
    if path == DEPARTMENT:
        inside = held.get(ENTERPRISE_URN, {})
        _set(inside, "department", None if kind == "remove" else value)
        _set(held, ENTERPRISE_URN, inside)
    elif path in ("displayName", "title"):
        _set(held, path, None if kind == "remove" else value)
    elif path == "name":
        _set(held, "name", None if kind == "remove" else {**held.get("name", {}), **value})
    elif path.lower().startswith("name."):
        sub = "givenName" if path.lower().endswith("givenname") else "familyName"
        inside = dict(held.get("name", {}))
        _set(inside, sub, None if kind == "remove" else value)
        _set(held, "name", inside)
    elif path == "emails":
        _set(held, "emails", _listed(held.get("emails", []), kind, value))
    else:
        _set(held, "emails", _found(held.get("emails", []), kind, path, value))


def _set(held, key, value):
    held.pop(key, None)
    if value:
        held[key] = value


def _listed(before, kind, value):
    if kind == "replace":
        return list(value)
    if kind == "remove":
        if value is None:
            return []
        return [one for one in before if not any(_same(one, gone) for gone in value)]
    after = [dict(one) for one in before]
    for new in value:
        there = next((one for one in after if _same(one, new)), None)
        if there is None:
            there = {}
            after.append(there)
        there.update(new)
        if new.get("primary"):
            for one in after:
                if one is not there and one.get("primary"):
                    one["primary"] = False
    return after


def _found(before, kind, path, value):
    wanted = "work" if '"work"' in path else "home"
    matching = [one for one in before if one.get("type") == wanted]
    if kind == "remove":
        return [one for one in before if one.get("type") != wanted]
    if not matching and kind == "replace":
        raise Refused
    after = [dict(one) for one in before]
    if path.endswith(".value"):
        if not matching:
            return [*after, {"type": wanted, "value": value}]
        return [{**one, "value": value} if one.get("type") == wanted else one for one in after]
    return [dict(value) if one.get("type") == wanted else one for one in after]


def _same(one, other):
    return one["value"].casefold() == other["value"].casefold() and (
        "type" not in one or "type" not in other or one["type"] == other["type"]
    )
