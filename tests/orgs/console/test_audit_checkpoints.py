"""People see whether the audit log holds, and since when that is signed."""

import pytest

from kernel.clock import now
from kernel.events import checkpoints
from kernel.events.models import ChainVerdict, Checkpoint

pytestmark = pytest.mark.django_db


def test_the_page_tells_of_the_last_checkpoint_and_the_last_walk(world, owner, signed_in):
    page = owner.get("/o/acme/audit").content.decode()
    assert "Not verified yet" in page
    assert "No checkpoint was signed yet" in page
    (made,) = checkpoints.make([world.organization.pk])
    ChainVerdict.objects.create(
        organization_id=world.organization.pk, verified_at=now(), sequence=made.sequence
    )
    page = owner.get("/o/acme/audit").content.decode()
    assert "Verified" in page
    assert f"event no. {made.sequence}" in page
    assert made.hash[:16] in page


def test_a_broken_chain_is_told_to_owners_wherever_they_come_by(world, owner, signed_in):
    ChainVerdict.objects.create(
        organization_id=world.organization.pk,
        verified_at=now(),
        sequence=9,
        broken_at=4,
        finding="its content was changed",
    )
    for path in ("/o/acme", "/o/acme/audit"):
        page = owner.get(path, follow=True).content.decode()
        assert "The audit log was tampered with." in page
        assert "At event no. 4: its content was changed" in page
    page = signed_in(world.member.user).get("/o/acme", follow=True).content.decode()
    assert "tampered" not in page


def test_an_export_ends_at_a_signed_place(world, owner, signed_in):
    b"".join(owner.get("/o/acme/audit/export.csv").streaming_content)
    made = Checkpoint.objects.of(world.organization).get()
    assert checkpoints.Statement.of(made).is_genuine
