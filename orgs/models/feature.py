"""Beta feature flags: an instance default, and choices nearer to the user that win."""

from django.db import models
from django.db.models import Q


class FeatureFlag(models.Model):
    """A feature that can be switched, with the instance's default."""

    name = models.SlugField(max_length=64, primary_key=True)
    title = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    is_on = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class FeatureChoice(models.Model):
    """An organization's, team's or user's own choice. User wins over team over organization."""

    flag = models.ForeignKey(FeatureFlag, on_delete=models.CASCADE, related_name="choices")
    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    team = models.ForeignKey(
        "orgs.Team", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    user = models.ForeignKey(
        "orgs.User", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    is_on = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="feature_choice_is_made_at_one_level",
                condition=Q(organization__isnull=False, team__isnull=True, user__isnull=True)
                | Q(organization__isnull=True, team__isnull=False, user__isnull=True)
                | Q(organization__isnull=True, team__isnull=True, user__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    fields=["flag", level],
                    condition=Q(**{f"{level}__isnull": False}),
                    name=f"feature_is_chosen_once_per_{level}",
                )
                for level in ("organization", "team", "user")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flag_id}: {'on' if self.is_on else 'off'}"
