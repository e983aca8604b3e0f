"""orgs/subscribers.py: who is told what by mail, through the jobs that the events left."""

import datetime as dt

import pytest
import time_machine

from kernel.clock import now
from kernel.jobs.models import Job
from kernel.jobs.sweep import sweep
from kernel.mail.models import Mail
from orgs.actions import access_requests, invitations, members, organizations, users
from orgs.models import Membership
from tests.factories import OPERATOR, InvitationFactory


@pytest.fixture
def mails(world):
    """Run the jobs that wait, and return the mails of a template."""

    def run(template):
        while sweep():
            pass
        left = Job.objects.exclude(state=Job.State.DONE)
        assert [job.last_error for job in left] == []
        return list(Mail.objects.filter(template=template).order_by("recipient"))

    return run


def test_the_invited_get_a_link_that_works(world, mails):
    invitation = InvitationFactory(
        organization=world.organization, email="lena@example.com", teams=[(world.team, "member")]
    )
    [mail] = mails("orgs/invitation")
    assert mail.recipient == "lena@example.com"
    assert mail.about_id == invitation.wire_id
    assert invitations.mailed_link(invitation) in mail.text
    assert "Acme" in mail.subject


def test_the_mailed_link_proves_the_mailbox_and_the_copied_one_does_not(world):
    invitation = InvitationFactory(organization=world.organization)
    proof = invitations.mailed_link(invitation).rpartition("=")[2]
    assert invitations.proves_mailbox(invitation, proof)
    assert not invitations.proves_mailbox(invitation, "")
    renewed = invitations.resend(
        actor=OPERATOR, organization=world.organization, invitation=invitation
    )
    assert not invitations.proves_mailbox(renewed, proof)


def test_no_mail_is_written_for_a_link_that_is_worthless_by_then(world, mails):
    fields = {"actor": OPERATOR, "organization": world.organization}
    revoked = InvitationFactory(organization=world.organization)
    invitations.revoke(invitation=revoked, **fields)
    resent = InvitationFactory(organization=world.organization, email="again@example.com")
    invitations.resend(invitation=resent, **fields)
    late = InvitationFactory(organization=world.organization)
    late.expires_at = now() - dt.timedelta(seconds=1)
    late.save()
    gone = InvitationFactory(organization=world.organization)
    gone.delete()
    assert [mail.recipient for mail in mails("orgs/invitation")] == ["again@example.com"]


def test_those_who_can_decide_are_told_of_a_request(world, mails):
    for fields in (
        {"kind": "team", "team": world.team},
        {"kind": "seat", "seat": "viewer"},
    ):
        access_requests.ask(
            actor=world.member.principal,
            organization=world.organization,
            reason="please",
            **fields,
        )
    told = [mail.recipient for mail in mails("orgs/access_request")]
    assert told == [
        "acme-admin@example.com",
        "acme-admin@example.com",
        "acme-owner@example.com",
        "acme-owner@example.com",
        "acme-team-admin@example.com",
    ]


def test_a_request_taken_back_troubles_nobody(world, mails):
    request = access_requests.ask(
        actor=world.member.principal,
        organization=world.organization,
        kind="seat",
        seat="viewer",
        reason="please",
    )
    access_requests.withdraw(
        actor=world.member.principal, organization=world.organization, request=request
    )
    assert mails("orgs/access_request") == []


@pytest.mark.parametrize("decide", [access_requests.approve, access_requests.decline])
def test_who_asked_is_told_the_decision(world, mails, decide):
    request = access_requests.ask(
        actor=world.member.principal,
        organization=world.organization,
        kind="team",
        team=world.team,
        reason="please",
    )
    decide(
        actor=world.owner.principal,
        organization=world.organization,
        request=request,
        answer="So be it",
    )
    [mail] = mails("orgs/access_decided")
    assert mail.recipient == "acme-member@example.com"
    assert "So be it" in mail.text


def test_nobody_is_told_of_a_decision_without_an_address(world, mails):
    request = access_requests.ask(
        actor=world.member.principal,
        organization=world.organization,
        kind="seat",
        seat="viewer",
        reason="please",
    )
    users.set_primary_email(actor=OPERATOR, user=world.member.user, email="")
    access_requests.decline(actor=OPERATOR, organization=world.organization, request=request)
    assert mails("orgs/access_decided") == []


def test_every_owner_is_told_of_a_deletion_and_how_to_restore(world, mails):
    second = members.change_role(
        actor=OPERATOR,
        organization=world.organization,
        member=world.admin.member,
        role="owner",
    )
    third = members.change_role(
        actor=OPERATOR,
        organization=world.organization,
        member=world.viewer.member,
        role="owner",
    )
    users.set_primary_email(actor=OPERATOR, user=third.user, email="")
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    told = [mail.recipient for mail in mails("orgs/organization_deletion")]
    assert told == sorted([world.owner.user.email, second.user.email])


def test_a_deletion_taken_back_at_once_is_not_mailed(world, mails):
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    organizations.restore(actor=world.owner.principal, organization=world.organization)
    assert mails("orgs/organization_deletion") == []


def test_a_removed_person_is_told(world, mails):
    members.remove(
        actor=world.owner.principal,
        organization=world.organization,
        member=world.member.member,
    )
    [mail] = mails("orgs/member_removed")
    assert mail.recipient == "acme-member@example.com"


def test_a_removed_person_who_is_back_by_then_is_not_told(world, mails):
    for back in (world.member, world.viewer):
        members.remove(
            actor=OPERATOR, organization=world.organization, member=back.member
        )
    members.provision(
        actor=OPERATOR, organization=world.organization, user=world.member.user
    )
    users.set_primary_email(actor=OPERATOR, user=world.viewer.user, email="")
    assert mails("orgs/member_removed") == []


def test_mails_of_a_purged_organization_are_not_written(world, mails):
    members.remove(
        actor=OPERATOR, organization=world.organization, member=world.member.member
    )
    access_requests.ask(
        actor=world.viewer.principal,
        organization=world.organization,
        kind="seat",
        seat="full",
        reason="please",
    )
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    with time_machine.travel(now() + dt.timedelta(days=15), tick=False):
        organizations.purge(actor=OPERATOR, organization_id=world.organization.pk)
    assert not Membership.objects.of(world.organization.pk).exists()
    for template in (
        "orgs/member_removed",
        "orgs/access_request",
        "orgs/organization_deletion",
    ):
        assert mails(template) == []
