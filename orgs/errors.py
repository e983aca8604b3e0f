"""What the people's room refuses, by name."""

from kernel.errors import Conflict, Denied, Gone, Invalid, LimitReached


class NameTaken(Conflict):
    """A username, team name, slug, role or project name is in use or still blocked."""

    code = "name_taken"
    title = "This name is taken"


class LastOwner(Conflict):
    """The act would leave an organization without an owner."""

    code = "last_owner"
    title = "An organization keeps at least one owner"


class SeatLimitReached(LimitReached):
    """No seat of the wanted kind is free."""

    code = "seat_limit_reached"
    title = "No free seat"


class AlreadyMember(Conflict):
    """The person is a member already."""

    code = "already_member"
    title = "Already a member"


class NotActive(Conflict):
    """The member is deactivated or removed, and the act needs an active one."""

    code = "member_not_active"
    title = "The member is not active"


class InvitationEnded(Gone):
    """The invitation was used, revoked or has expired."""

    code = "invitation_ended"
    title = "This invitation is no longer valid"


class WrongAccount(Denied):
    """The link was made for another person's address."""

    code = "wrong_account"
    title = "This invitation is for another account"


class OrganizationBeingDeleted(Conflict):
    """The organization is in its grace before deletion."""

    code = "organization_being_deleted"
    title = "The organization is being deleted"


class OrganizationRestricted(Conflict):
    """The organization is suspended or read-only; nobody joins it meanwhile."""

    code = "organization_restricted"
    title = "The organization is restricted"


class ManagedByProvisioning(Conflict):
    """An identity provider decides this over SCIM; what is changed here it would undo."""

    code = "managed_by_provisioning"
    title = "The identity provider manages this"


class TeamNotEmpty(Conflict):
    """The team owns what would be lost with it, and the caller cannot have meant that."""

    code = "team_not_empty"
    title = "The team still owns something"


class ConfirmationMismatch(Invalid):
    """The typed confirmation is not the name."""

    code = "confirmation_mismatch"
    title = "The confirmation does not match"


class RoleInUse(Conflict):
    """A custom role is still given to somebody."""

    code = "role_in_use"
    title = "The role is in use"


class PolicyForbids(Denied):
    """A policy of the organization or instance forbids it, whatever the role."""

    code = "policy_forbids"
    title = "A policy forbids this"


class AlreadyDecided(Conflict):
    """The request was approved, declined or withdrawn before."""

    code = "request_already_decided"
    title = "This request is already decided"


class ProtectedName(Denied):
    """The project's name is protected and stays as it is."""

    code = "protected_name"
    title = "This name is protected"
