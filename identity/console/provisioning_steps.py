"""The steps of each provider: where to click there, and which values to paste."""

from collections.abc import Sequence
from dataclasses import dataclass

BASE, OWN_BASE, TOKEN = "{base}", "{own_base}", "{token}"


@dataclass(frozen=True, slots=True)
class Value:
    """A value to paste, under the name that the provider's form has for it."""

    label: str
    text: str

    @property
    def is_token(self) -> bool:
        """Whether it is the token, which only its maker has seen."""
        return self.text == TOKEN


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    title: str
    text: str = ""
    values: Sequence[Value] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """The steps of one provider, and how its people and groups come."""

    provider: str
    name: str
    steps: Sequence[Step]
    pace: str


GUIDES: dict[str, Guide] = {
    "okta": Guide(
        "okta",
        "Okta",
        (
            Step(
                "Open your app for Steward in Okta’s Admin Console",
                "Applications, Applications. Without one yet: Create App Integration, SAML 2.0 "
                "or SWA. On its General tab edit App Settings, set Provisioning to SCIM, save.",
            ),
            Step(
                "Fill in the connection",
                "On the Provisioning tab choose Integration, then Edit.",
                (
                    Value("SCIM connector base URL", BASE),
                    Value("Unique identifier field for users", "userName"),
                    Value("Authentication mode", "HTTP Header"),
                    Value("Authorization (Bearer)", TOKEN),
                ),
            ),
            Step(
                "Tick the supported actions",
                "Push New Users, Push Profile Updates and Push Groups. Tick the two imports as "
                "well if Okta shall learn who is here already.",
            ),
            Step(
                "Test it",
                "Press Test Connector Configuration. All that you ticked should be green; then "
                "save. The request stands in the log here.",
            ),
            Step(
                "Turn it on",
                "Provisioning, To App, Edit: enable Create Users, Update User Attributes and "
                "Deactivate Users.",
            ),
            Step(
                "Assign people and push groups",
                "Assign people or groups on the Assignments tab. On Push Groups choose those "
                "that shall be teams here.",
            ),
        ),
        "Okta sends each change at once. Whoever is unassigned is deactivated here; Okta never "
        "deletes anybody.",
    ),
    "entra": Guide(
        "entra",
        "Microsoft Entra ID",
        (
            Step(
                "Open your app for Steward in the Entra admin center",
                "Enterprise applications. Without one yet: New application, Create your own "
                "application, and choose the kind that is not in the gallery.",
            ),
            Step(
                "Fill in the credentials",
                "Provisioning, Get started, mode Automatic, Admin credentials.",
                (
                    Value("Tenant URL", BASE),
                    Value("Secret token", TOKEN),
                ),
            ),
            Step(
                "Test it",
                "Press Test Connection, then save. Entra looks for a person who is not there: "
                "the log shows that request.",
            ),
            Step(
                "Check the attribute mappings",
                "Under Mappings, keep userName with matching precedence 1, and let externalId "
                "be objectId, which never changes.",
                (
                    Value("userName", "userPrincipalName"),
                    Value("externalId", "objectId"),
                    Value('emails[type eq "work"].value', "mail"),
                ),
            ),
            Step(
                "Assign people and groups",
                "Users and groups, Add. Assigned groups become teams; nested groups are not "
                "resolved by Entra.",
            ),
            Step(
                "Turn it on",
                "Try one person with Provision on demand. Then set the status to On, or press "
                "Start provisioning.",
            ),
        ),
        "Entra works in rounds of about 40 minutes. Whoever is unassigned is deactivated here, "
        "and removed some 30 days after their account was deleted.",
    ),
    "onelogin": Guide(
        "onelogin",
        "OneLogin",
        (
            Step(
                "Add the app",
                "Applications, Add App: search for “SCIM Provisioner with SAML (SCIM v2 "
                "Enterprise)”, and save it under a name.",
            ),
            Step(
                "Fill in the connection",
                "On the Configuration tab.",
                (
                    Value("SCIM Base URL", BASE),
                    Value("SCIM Bearer Token", TOKEN),
                ),
            ),
            Step(
                "Let userName be the e-mail address",
                "On the Parameters tab set SCIM Username to Email, and open Groups to tick "
                "Include in User Provisioning.",
                (Value("Unique identifier", "userName"),),
            ),
            Step(
                "Test it",
                "Back on Configuration press Enable under API Connection. It should say that "
                "the connection is enabled.",
            ),
            Step(
                "Turn it on",
                "On the Provisioning tab tick Enable provisioning for create, update and "
                "delete. Choose Suspend for users who are deleted in OneLogin.",
            ),
            Step(
                "Assign people and groups",
                "Give the app to users or roles. Under Rules, set the groups in the app from "
                "OneLogin’s roles: they become teams.",
            ),
        ),
        "OneLogin sends each change when it is made or approved. Suspended people are "
        "deactivated here.",
    ),
    "jumpcloud": Guide(
        "jumpcloud",
        "JumpCloud",
        (
            Step(
                "Open your app for Steward in JumpCloud",
                "SSO Applications. Without one yet: Add New Application, Custom Application, "
                "and choose to export users to it.",
            ),
            Step(
                "Fill in the connection",
                "On the Identity Management tab choose SCIM API and version SCIM 2.0. The base "
                "URL has no slash at its end.",
                (
                    Value("Base URL", BASE),
                    Value("Token key", TOKEN),
                    Value("Unique identifier", "userName"),
                ),
            ),
            Step(
                "Test it",
                "Enter a test address that is nobody’s and press Test Connection. JumpCloud "
                "makes a user of that address and ends it again: one seat has to be free.",
            ),
            Step(
                "Turn it on",
                "Enable the management of user groups if groups shall be teams here. Press "
                "Activate, then save.",
            ),
            Step(
                "Assign groups",
                "On the User Groups tab choose the groups whose people shall be here.",
            ),
        ),
        "JumpCloud sends each change at once. Whoever loses the app is deactivated here.",
    ),
    "google": Guide(
        "google",
        "Google Workspace",
        (
            Step(
                "Open your app for Steward in the Admin console",
                "Apps, Web and mobile apps. Google provisions apps that its catalogue marks "
                "for it; if yours has no Autoprovisioning section, add one of the catalogue "
                "that accepts an address of your own, with Steward’s sign-in addresses.",
            ),
            Step(
                "Fill in the connection",
                "Autoprovisioning, Configure autoprovisioning.",
                (
                    Value("Access token", TOKEN),
                    Value("Endpoint URL", BASE),
                ),
            ),
            Step(
                "Check the attributes",
                "Let userName be the primary e-mail address. Leave out what you do not want "
                "to be known here.",
                (Value("userName", "Username"),),
            ),
            Step(
                "Choose whom it is about",
                "Set the scope to the groups whose people shall be here. Google sends people "
                "only: teams stay yours to fill.",
            ),
            Step(
                "Choose what happens to leavers",
                "Suspend them within 24 hours. Delete only after as many days as you want to "
                "be able to bring them back.",
            ),
            Step(
                "Test it and turn it on",
                "Set the status to Active. The first requests stand in the log here within "
                "minutes; later changes come every few hours.",
            ),
        ),
        "Google works in rounds of some hours, and deletes suspended people after the days you "
        "chose.",
    ),
    "other": Guide(
        "other",
        "another provider",
        (
            Step(
                "Find the provisioning settings",
                "Look for “SCIM”, “provisioning” or “directory sync” in the provider, and "
                "choose SCIM 2.0.",
            ),
            Step(
                "Fill in the connection",
                "If the provider serves several organizations with one address, take the "
                "second base URL: it names yours.",
                (
                    Value("Base URL", BASE),
                    Value("Base URL with the organization", OWN_BASE),
                    Value("Authorization header", "Bearer, then the token"),
                    Value("Token", TOKEN),
                    Value("Unique identifier for users", "userName"),
                    Value("Unique identifier for groups", "displayName"),
                ),
            ),
            Step(
                "Choose the actions",
                "Create, update and deactivate users; create, update and delete groups. "
                "Filters, PATCH, Bulk, sorting and ETags are all supported.",
            ),
            Step(
                "Test it",
                "Let the provider look for a user who is not there: it gets an empty list, and "
                "the request stands in the log here.",
            ),
            Step("Assign people and groups", "Groups become teams of the same name."),
        ),
        "How often changes come is the provider’s to say.",
    ),
}
