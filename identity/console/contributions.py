"""What the keys' room adds to the console; listed in `config/wiring.py`."""

from kernel.console.registry import PersonLink, Section
from orgs.permissions import Permission

SECTIONS = (
    Section(
        key="service_accounts",
        title="Service accounts",
        icon="bot",
        url_name="identity:service_accounts",
        group="access",
        # Team members see those of their teams, so everybody inside may look.
        permission=Permission.ORGANIZATION_READ,
        go="b",
    ),
    Section(
        key="keys",
        title="API keys",
        icon="key-round",
        url_name="identity:keys",
        group="access",
        permission=Permission.API_KEY_READ,
        go="k",
    ),
    Section(
        key="provisioning",
        title="Provisioning",
        icon="refresh-cw",
        url_name="identity:provisioning",
        group="access",
        # Its log tells about people, as only those who manage them may read it.
        permission=Permission.MEMBER_UPDATE,
        go="v",
    ),
)

PERSON_LINKS = (
    PersonLink("Your account", "user-round", "identity:profile"),
    PersonLink("Your API keys", "key-round", "identity:personal_keys"),
    PersonLink("Your sessions", "monitor-smartphone", "identity:sessions"),
)
