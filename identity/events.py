"""The catalogue of the keys' events: type → the sentence that an admin reads."""

EVENTS: dict[str, str] = {
    "identity.api_key.created": "{actor} created the API key {target}",
    "identity.api_key.updated": "{actor} changed the API key {target}",
    "identity.api_key.rotated": "{actor} rotated the API key {target}",
    "identity.api_key.overlap_changed": "{actor} changed when the rotated API key {target} stops",
    "identity.api_key.revoked": "{actor} revoked the API key {target}",
    "identity.api_key.expired": "The API key {target} expired",
    "identity.api_key.rotated_out": "The rotated API key {target} stopped working",
    "identity.email.verified": "{target} proved an address",
    "identity.email.removed": "{actor} removed an address of {target}",
    "identity.password.changed": "{actor} changed the password of {target}",
    "identity.session.started": "{target} signed in",
    "identity.session.ended": "{actor} ended a session of {target}",
}
