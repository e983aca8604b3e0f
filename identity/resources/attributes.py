"""The attributes of every schema (RFC 7643 §3.1, §4.1, §4.2, §4.3, §7)."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute and its characteristics (RFC 7643 §2.2)."""

    name: str
    description: str
    type: str = "string"
    multi_valued: bool = False
    case_exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    required: bool = False
    subs: tuple["Attribute", ...] = ()
    canonical: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    def find(self, name: str) -> "Attribute | None":
        """Return the sub-attribute of a name, in any case."""
        return next((sub for sub in self.subs if sub.name.lower() == name.lower()), None)

    @property
    def is_read_only(self) -> bool:
        """Whether no client changes it."""
        return self.mutability == "readOnly"

    def document(self) -> dict[str, Any]:
        """Return the attribute as `/Schemas` answers it (RFC 7643 §7)."""
        document: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "multiValued": self.multi_valued,
            "description": self.description,
            "required": self.required,
            "mutability": self.mutability,
            "returned": self.returned,
        }
        if self.type in ("string", "reference", "binary"):
            document |= {"caseExact": self.case_exact, "uniqueness": self.uniqueness}
        if self.type == "complex":
            document["subAttributes"] = [sub.document() for sub in self.subs]
        if self.canonical:
            document["canonicalValues"] = list(self.canonical)
        if self.references:
            document["referenceTypes"] = list(self.references)
        return document


def truth(value: Any) -> bool | None:
    """Return a boolean, also one written as text (Entra ID does so); None for anything else."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _texts(*pairs: tuple[str, str]) -> tuple[Attribute, ...]:
    return tuple(Attribute(name, description) for name, description in pairs)


def _list(
    name: str,
    description: str,
    canonical: tuple[str, ...] = (),
    value: Attribute | None = None,
) -> Attribute:
    """Return a multi-valued attribute with the usual sub-attributes (RFC 7643 §2.4)."""
    return Attribute(
        name,
        description,
        type="complex",
        multi_valued=True,
        subs=(
            value or Attribute("value", "The value itself"),
            Attribute("display", "A name for people"),
            Attribute("type", "What kind of value it is", canonical=canonical),
            Attribute("primary", "Whether it is the preferred one", type="boolean"),
        ),
    )


_PLACES = ("work", "home", "other")
_READ_ONLY: dict[str, Any] = {"mutability": "readOnly"}

COMMON = (
    Attribute(
        "id", "The id here", case_exact=True, mutability="readOnly", returned="always",
        uniqueness="server",
    ),
    Attribute("externalId", "The id at the identity provider", case_exact=True),
    Attribute(
        "schemas", "The schemas that the resource is of", type="reference", multi_valued=True,
        case_exact=True, returned="always", references=("uri",),
    ),
    Attribute(
        "meta", "When and where", type="complex", mutability="readOnly",
        subs=(
            Attribute("resourceType", "Its type", case_exact=True, **_READ_ONLY),
            Attribute("created", "When it was made", type="dateTime", **_READ_ONLY),
            Attribute("lastModified", "When it was changed", type="dateTime", **_READ_ONLY),
            Attribute(
                "location", "Its address", type="reference", case_exact=True,
                references=("uri",), **_READ_ONLY,
            ),
            Attribute("version", "Its entity tag", case_exact=True, **_READ_ONLY),
        ),
    ),
)  # fmt: skip

USER_ATTRIBUTES = (
    Attribute(
        "userName", "What the person signs in with, usually an address", uniqueness="server",
        required=True,
    ),
    Attribute(
        "name", "The parts of the person's name", type="complex",
        subs=_texts(
            ("formatted", "The whole name"), ("familyName", "The family name"),
            ("givenName", "The given name"), ("middleName", "The middle names"),
            ("honorificPrefix", "A title before the name"),
            ("honorificSuffix", "A suffix after the name"),
        ),
    ),
    Attribute("displayName", "The name that others see"),
    Attribute("nickName", "What the person is called"),
    Attribute("profileUrl", "A page about the person", type="reference", references=("external",)),
    Attribute("title", "The person's position"),
    Attribute("userType", "How the person belongs to the organization"),
    Attribute("preferredLanguage", "The preferred language (RFC 9110 §12.5.4)"),
    Attribute("locale", "How numbers and dates are written for the person"),
    Attribute("timezone", "The person's time zone"),
    Attribute("active", "Whether the person may work", type="boolean"),
    Attribute(
        "password", "Accepted and never kept: people sign in elsewhere", case_exact=True,
        mutability="writeOnly", returned="never",
    ),
    _list("emails", "Addresses", _PLACES),
    _list("phoneNumbers", "Telephone numbers", ("work", "home", "mobile", "fax", "pager", "other")),
    _list("ims", "Addresses of instant messaging"),
    _list(
        "photos", "Pictures", ("photo", "thumbnail"),
        Attribute("value", "The picture's address", type="reference", references=("external",)),
    ),
    Attribute(
        "addresses", "Postal addresses", type="complex", multi_valued=True,
        subs=(
            *_texts(
                ("formatted", "The whole address"), ("streetAddress", "Street and number"),
                ("locality", "The city"), ("region", "The state or region"),
                ("postalCode", "The postal code"), ("country", "The country (ISO 3166-1)"),
            ),
            Attribute("type", "What kind of address it is", canonical=_PLACES),
            Attribute("primary", "Whether it is the preferred one", type="boolean"),
        ),
    ),
    Attribute(
        "groups", "The teams that the person is in", type="complex", multi_valued=True,
        mutability="readOnly",
        subs=(
            Attribute("value", "The team's id", case_exact=True, **_READ_ONLY),
            Attribute(
                "$ref", "The team's address", type="reference", case_exact=True,
                references=("Group",), **_READ_ONLY,
            ),
            Attribute("display", "The team's name", **_READ_ONLY),
            Attribute("type", "How the person is in it", canonical=("direct",), **_READ_ONLY),
        ),
    ),
    _list("entitlements", "Entitlements, as the identity provider names them"),
    _list("roles", "Roles, as the identity provider names them"),
    _list(
        "x509Certificates", "Certificates",
        value=Attribute("value", "The certificate", type="binary", case_exact=True),
    ),
)  # fmt: skip

ENTERPRISE_ATTRIBUTES = (
    Attribute("employeeNumber", "The number that the organization gave the person"),
    Attribute("costCenter", "The cost center"),
    Attribute("organization", "The organization's name"),
    Attribute("division", "The division"),
    Attribute("department", "The department"),
    Attribute(
        "manager", "The person's manager", type="complex",
        subs=(
            Attribute("value", "The manager's id, here or at the identity provider",
                      case_exact=True),
            Attribute("$ref", "The manager's address", type="reference", case_exact=True,
                      references=("User",)),
            Attribute("displayName", "The manager's name", **_READ_ONLY),
        ),
    ),
)  # fmt: skip

STEWARD_ATTRIBUTES = (
    Attribute("organizationRole", "The role in the organization: built-in or an own role's name"),
    Attribute("seat", "The seat that the person takes", canonical=("full", "viewer", "none")),
    Attribute(
        "status", "How far the membership is", mutability="readOnly",
        canonical=("active", "deactivated", "awaiting confirmation"),
    ),
    Attribute(
        "teamRoles", "The roles in teams", type="complex", multi_valued=True,
        subs=(
            Attribute("teamName", "The team's name"),
            Attribute("roleName", "The role there: built-in or an own role's name"),
        ),
    ),
)  # fmt: skip

GROUP_ATTRIBUTES = (
    Attribute("displayName", "The team's name", uniqueness="server", required=True),
    Attribute(
        "members", "Who is in the team", type="complex", multi_valued=True,
        subs=(
            Attribute("value", "The member's id", case_exact=True, mutability="immutable"),
            Attribute(
                "$ref", "The member's address", type="reference", case_exact=True,
                mutability="immutable", references=("User",),
            ),
            Attribute("type", "The kind of member", mutability="immutable", canonical=("User",)),
            Attribute("display", "The member's name", **_READ_ONLY),
        ),
    ),
)  # fmt: skip

ROLE_ATTRIBUTES = (
    Attribute("name", "The role's name", uniqueness="server", required=True),
    Attribute("description", "What the role is for"),
    Attribute("inheritedFrom", "The built-in role that it starts from"),
    Attribute(
        "permissions", "What the role holds", type="complex", multi_valued=True,
        subs=(
            Attribute("name", "The permission's name", case_exact=True),
            Attribute("isInherited", "Whether it comes from the built-in role", type="boolean",
                      **_READ_ONLY),
        ),
    ),
    Attribute("organizationID", "The organization's id", case_exact=True, **_READ_ONLY),
)  # fmt: skip
