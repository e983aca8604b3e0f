"""The directory follows members and teams, within the transactions that change them.

`config/wiring.py` lists these for the events below; an organization that SCIM never asked
about has no rows, and nothing happens.
"""

from identity.actions import directory
from identity.models import ProvisioningConnection
from kernel.events.models import Event
from kernel.ids import decode
from orgs.actions import managed
from orgs.models import Organization


def follow_members(event: Event) -> None:
    """Keep a member's User."""
    organization_id = event.organization_id
    member_id = decode("mem", event.target_id)
    match event.type:
        case "orgs.member.added" | "orgs.member.joined":
            directory.enter(organization_id, decode("usr", event.changes["user"]))
        case "orgs.member.removed" | "orgs.member.left":
            user_id = decode("usr", event.changes["user"])
            left = event.type == "orgs.member.left"
            directory.leave(organization_id, user_id, by_themselves=left)
            for team_id in event.changes.get("teams", ()):
                directory.note_places_changed(organization_id, decode("team", team_id))
        case "orgs.member.deactivated":
            directory.note_changed(organization_id, member_id, is_active=False)
        case "orgs.member.reactivated":
            directory.note_changed(organization_id, member_id, is_active=True)
        case "orgs.member.role_changed" | "orgs.member.seat_changed":
            directory.note_changed(organization_id, member_id)
        case _:
            raise LookupError(f"{event.type} is wired to follow members and not known here.")


def follow_teams(event: Event) -> None:
    """Keep a team's Group; it ends with the team."""
    team_id = decode("team", event.target_id)
    match event.type:
        case "orgs.team.created":
            directory.add_team(event.organization_id, team_id)
        case "orgs.team.renamed" | "orgs.team.updated":
            directory.rename_team(event.organization_id, team_id)
        case "orgs.team.deleted":
            directory.drop_team(event.organization_id, team_id)
        case _:
            raise LookupError(f"{event.type} is wired to follow teams and not known here.")


def follow_places(event: Event) -> None:
    """Count a change of who is in a team, or as what: the Group's, and the User's."""
    if event.type == "orgs.team.members_set":
        # Who they are, the event tells by name; whoever sets many counts their Users' change.
        directory.note_places_changed(event.organization_id, decode("team", event.target_id))
        return
    directory.note_changed(event.organization_id, decode("mem", event.target_id))
    if event.type != "orgs.team_member.role_changed":
        team_id = decode("team", event.changes["team_id"])
        directory.note_places_changed(event.organization_id, team_id)


def follow_offers(event: Event) -> None:
    """Count a change of what is offered to somebody who is awaited."""
    directory.note_offer_changed(event.organization_id, [decode("inv", event.target_id)])


def follow_roles(event: Event) -> None:
    """Count a role's other name, or its end: its holders are shown with it until then."""
    if event.type != "orgs.role.updated" or "name" in event.changes:
        directory.note_role_changed(event.organization_id, decode("role", event.target_id))


def follow_invitations(event: Event) -> None:
    """Give whoever accepted the team roles of their groups, which invitations cannot promise."""
    directory.place_as_mapped(event.organization_id, decode("inv", event.target_id))


def follow_accounts(event: Event) -> None:
    """Show an account's new name or address."""
    if event.changes.keys() & {"email", "display_name"}:
        directory.note_account_changed(decode("usr", event.target_id), event.changes)


def release_managed(event: Event) -> None:
    """Give members and teams back when the last identity provider is disconnected."""
    account_id = decode("sa", event.target_id)
    connections = ProvisioningConnection.objects.of(event.organization_id)
    mine = connections.filter(service_account_id=account_id)
    if mine.exists() and not connections.exclude(service_account_id=account_id).exists():
        managed.release_all(Organization(pk=event.organization_id))
        directory.release_all(event.organization_id)
