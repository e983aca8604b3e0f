"""Addresses of the keys' room in the console."""

from django.urls import path

from identity.console import (
    account,
    join,
    keys,
    outbox,
    personal_keys,
    provisioning,
    provisioning_connection,
    provisioning_groups,
    provisioning_log,
    service_accounts,
)

app_name = "identity"

_ORGANIZATION = "o/<slug:organization>"
_ACCOUNTS = f"{_ORGANIZATION}/service-accounts"
_ACCOUNT = f"{_ACCOUNTS}/<account>"
_PROVISIONING = f"{_ORGANIZATION}/provisioning"
_CONNECTION = f"{_PROVISIONING}/connections/<connection>"

urlpatterns = [
    path("account/", account.Profile.as_view(), name="profile"),
    path("account/username", account.Username.as_view(), name="username"),
    path("account/sessions/", account.Sessions.as_view(), name="sessions"),
    path("account/sessions/end-others", account.EndOthers.as_view(), name="end_other_sessions"),
    path("account/sessions/<int:session>/end", account.EndSession.as_view(), name="end_session"),
    path("account/delete", account.Delete.as_view(), name="delete_account"),
    path("account/keys", personal_keys.Keys.as_view(), name="personal_keys"),
    path("account/keys/new", personal_keys.NewKey.as_view(), name="new_personal_key"),
    path("account/keys/<key>/edit", personal_keys.Edit.as_view(), name="personal_key_edit"),
    path("account/keys/<key>/rotate", personal_keys.Rotate.as_view(), name="personal_key_rotate"),
    path("account/keys/<key>/extend", personal_keys.Extend.as_view(), name="personal_key_extend"),
    path("account/keys/<key>/stop", personal_keys.Stop.as_view(), name="personal_key_stop"),
    path("account/keys/<key>/revoke", personal_keys.Revoke.as_view(), name="personal_key_revoke"),
    path("join", join.Join.as_view(), name="join"),
    path("join/switch", join.SwitchAccount.as_view(), name="join_switch"),
    path("join/<str:token>", join.FollowLink.as_view(), name="join_link"),
    path("outbox", outbox.Outbox.as_view(), name="outbox"),
    path("outbox/<mail>", outbox.Message.as_view(), name="outbox_message"),
    path(f"{_ORGANIZATION}/keys", keys.Keys.as_view(), name="keys"),
    path(f"{_ORGANIZATION}/keys/<key>/edit", keys.Edit.as_view(), name="key_edit"),
    path(f"{_ORGANIZATION}/keys/<key>/rotate", keys.Rotate.as_view(), name="key_rotate"),
    path(f"{_ORGANIZATION}/keys/<key>/extend", keys.Extend.as_view(), name="key_extend"),
    path(f"{_ORGANIZATION}/keys/<key>/stop", keys.Stop.as_view(), name="key_stop"),
    path(f"{_ORGANIZATION}/keys/<key>/revoke", keys.Revoke.as_view(), name="key_revoke"),
    path(_ACCOUNTS, service_accounts.Accounts.as_view(), name="service_accounts"),
    path(f"{_ACCOUNTS}/new", service_accounts.NewAccount.as_view(), name="new_service_account"),
    path(_ACCOUNT, service_accounts.Account.as_view(), name="service_account"),
    path(f"{_ACCOUNT}/edit", service_accounts.Edit.as_view(), name="edit_service_account"),
    path(f"{_ACCOUNT}/disable", service_accounts.Disable.as_view(), name="disable_service_account"),
    path(f"{_ACCOUNT}/enable", service_accounts.Enable.as_view(), name="enable_service_account"),
    path(f"{_ACCOUNT}/delete", service_accounts.Delete.as_view(), name="delete_service_account"),
    path(f"{_ACCOUNT}/keys/new", service_accounts.NewKey.as_view(), name="new_key"),
    path(_PROVISIONING, provisioning.Overview.as_view(), name="provisioning"),
    path(f"{_PROVISIONING}/connect", provisioning.Connect.as_view(), name="provisioning_connect"),
    path(f"{_PROVISIONING}/set-up", provisioning.SetUp.as_view(), name="provisioning_set_up"),
    path(f"{_PROVISIONING}/log", provisioning_log.Log.as_view(), name="provisioning_log"),
    path(
        f"{_PROVISIONING}/groups",
        provisioning_groups.Groups.as_view(),
        name="provisioning_groups",
    ),
    path(
        f"{_PROVISIONING}/groups/<group>/role",
        provisioning_groups.MapGroup.as_view(),
        name="provisioning_group_role",
    ),
    path(
        _CONNECTION, provisioning_connection.Connection.as_view(), name="provisioning_connection"
    ),
    path(
        f"{_CONNECTION}/tokens/new",
        provisioning_connection.NewToken.as_view(),
        name="new_provisioning_token",
    ),
    path(
        f"{_CONNECTION}/disconnect",
        provisioning_connection.Disconnect.as_view(),
        name="provisioning_disconnect",
    ),
]
