"""The one namespace of usernames and team names, aliases included."""

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified


class EntityQuerySet(models.QuerySet["Entity"]):
    """Look-ups of names; the namespace is the instance's, not a tenant's."""

    def named(self, name: str) -> "EntityQuerySet":
        """Return the row that holds a name, whatever its letter case."""
        return self.filter(name_key=name.casefold())


class Entity(Identified):
    """A claim on a name by one user or one team.

    A rename keeps the old row with `alias_until`: it redirects, and blocks the
    name's reuse until then.
    """

    wire_prefix = "name"

    name = models.CharField(max_length=64)
    name_key = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(
        "orgs.User", on_delete=models.CASCADE, null=True, blank=True, related_name="entities"
    )
    team = models.ForeignKey(
        "orgs.Team", on_delete=models.CASCADE, null=True, blank=True, related_name="entities"
    )
    alias_until = models.DateTimeField(null=True, blank=True)

    objects = EntityQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="entity_belongs_to_one_user_or_one_team",
                condition=Q(user__isnull=False, team__isnull=True)
                | Q(user__isnull=True, team__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(alias_until__isnull=True),
                name="user_has_one_current_name",
            ),
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(alias_until__isnull=True),
                name="team_has_one_current_name",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_lapsed(self) -> bool:
        """Whether the row is an alias whose time has passed: it holds the name no longer."""
        return self.alias_until is not None and self.alias_until <= now()
