"""The mails of an organization leave by jobs that see its rows alone, in real transactions."""

import pytest
from django.core import mail as sent

from kernel.jobs.models import Job
from kernel.jobs.sweep import sweep
from kernel.mail.models import Mail
from orgs.actions import members
from tests.factories import InvitationFactory
from tests.worlds import acme


@pytest.mark.django_db(transaction=True)
def test_a_walled_job_writes_its_mail_and_another_hands_it_over(settings):
    settings.STEWARD_MAIL_OUTBOX = False
    world = acme()
    InvitationFactory(organization=world.organization, email="lena@example.com")
    members.remove(
        actor=world.owner.principal,
        organization=world.organization,
        member=world.member.member,
    )

    while sweep():
        pass

    left = Job.objects.exclude(state=Job.State.DONE)
    assert [job.last_error for job in left] == []
    recipients = {"lena@example.com", "acme-member@example.com"}
    assert {mail.recipient for mail in Mail.objects.filter(state=Mail.State.SENT)} >= recipients
    assert {to for message in sent.outbox for to in message.to} >= recipients
    assert set(Mail.objects.values_list("organization_id", flat=True)) == {world.organization.pk}
