"""What to do about a refused request: a table by status, `scimType` and words of the detail."""

from dataclasses import dataclass

from identity.models import ProvisioningEntry


@dataclass(frozen=True, slots=True)
class Advice:
    """One line for whoever looks after the provider; a page of ours may help."""

    text: str
    url_name: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    status: int
    advice: Advice
    scim_type: str = ""
    words: tuple[str, ...] = ()

    def fits(self, entry: ProvisioningEntry) -> bool:
        if self.status != entry.status or (self.scim_type and self.scim_type != entry.scim_type):
            return False
        detail = entry.detail.lower()
        return not self.words or any(word in detail for word in self.words)


_SEATS = ("console:seats", "Seats")
_MEMBERS = ("console:members", "Members")
_GROUPS = ("identity:provisioning_groups", "Groups")
_OVERVIEW = ("identity:provisioning", "Connections and tokens")
_SET_UP = ("identity:provisioning_set_up", "Set-up steps")

# The first that fits counts.
_RULES: tuple[_Rule, ...] = (
    _Rule(
        401,
        Advice(
            "The token is unknown, revoked or expired. Make a new one and put it into the "
            "provider.",
            *_OVERVIEW,
        ),
    ),
    _Rule(
        403,
        Advice(
            "No seat is free. Free or add a seat, or let the provider send another seat type; "
            "then repeat the request there.",
            *_SEATS,
        ),
        words=("seat",),
    ),
    _Rule(
        403,
        Advice(
            "Provisioning may not touch owners. Give the person another role here first, or "
            "leave them out of the provider’s assignment.",
            *_MEMBERS,
        ),
        words=("owner",),
    ),
    _Rule(
        403,
        Advice(
            "The token may not do this, or a policy forbids it. See what the service account "
            "of the connection may, and the organization’s policies.",
            *_OVERVIEW,
        ),
    ),
    _Rule(
        404,
        Advice(
            "The provider remembers somebody, or a group, that is gone here. Let it look "
            "again: most do when the assignment is removed and made anew.",
        ),
    ),
    _Rule(
        409,
        Advice(
            "The organization would have no owner left. Make somebody else an owner first.",
            *_MEMBERS,
        ),
        words=("last owner",),
    ),
    _Rule(
        409,
        Advice(
            "The name, address or externalId is another User’s or Group’s here. Let the "
            "provider match by userName (for groups: displayName), or rename one of the two.",
            *_MEMBERS,
        ),
        scim_type="uniqueness",
    ),
    _Rule(
        409,
        Advice(
            "The team still owns projects or service accounts. Move or delete them first, or "
            "unlink the group in the provider without deleting it.",
            *_GROUPS,
        ),
        words=(" owns ",),
    ),
    _Rule(
        409,
        Advice("What is here stands against it; the refusal says what. Repeat it afterwards."),
    ),
    _Rule(
        400,
        Advice(
            "A value does not fit. Look at the attribute that the refusal names in the "
            "provider’s attribute mapping.",
            *_SET_UP,
        ),
        scim_type="invalidValue",
    ),
    _Rule(
        400,
        Advice("The filter cannot be read. Let the provider match by userName or externalId."),
        scim_type="invalidFilter",
    ),
    _Rule(
        400,
        Advice(
            "There is no such attribute. Remove it from the provider’s attribute mapping, or "
            "correct its name."
        ),
        scim_type="invalidPath",
    ),
    _Rule(
        400,
        Advice(
            "The operation names something that is not there. Run a full synchronisation in "
            "the provider, so that it knows how things are."
        ),
        scim_type="noTarget",
    ),
    _Rule(
        400,
        Advice(
            "This attribute is ours to set. Remove it from what the provider sends.",
        ),
        scim_type="mutability",
    ),
    _Rule(
        400,
        Advice("The body is not JSON, or not what SCIM expects. See the request body."),
        scim_type="invalidSyntax",
    ),
    _Rule(
        400,
        Advice(
            "The page asked for is none of this list any more. The provider has to begin the "
            "list anew."
        ),
        scim_type="invalidCursor",
    ),
    _Rule(400, Advice("The request cannot be understood. See the request body.")),
    _Rule(405, Advice("SCIM has no such act at this address. Check the base URL.", *_OVERVIEW)),
    _Rule(
        412,
        Advice("Somebody changed it meanwhile. Nothing to do: the provider reads and repeats."),
    ),
    _Rule(
        413,
        Advice("The request is too large. Push the group in smaller parts."),
    ),
    _Rule(
        429,
        Advice(
            "Too many requests at once. Nothing to do: the provider waits and repeats. If it "
            "goes on, lower its rate."
        ),
    ),
    _Rule(
        503,
        Advice("We were busy, and nothing was changed. The provider repeats it by itself."),
    ),
)
_OURS = Advice(
    "This is our fault, and nothing was changed. Most providers repeat it by themselves; if it "
    "stays, tell support the request id."
)
_OTHER = Advice("See the request and the refusal below, and the provider’s own log.")


def advice_for(entry: ProvisioningEntry) -> Advice | None:
    """Return what to do about an entry, None for one that did not fail."""
    if not entry.has_failed:
        return None
    found = next((rule.advice for rule in _RULES if rule.fits(entry)), None)
    return found or (_OURS if entry.status >= 500 else _OTHER)
