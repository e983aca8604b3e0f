"""What the language refuses, with its `scimType` (RFC 7644 §3.12); all of it is status 400."""


class Refusal(Exception):
    """Input that is refused; `detail` is a sentence for whoever set the client up."""

    scim_type = "invalidValue"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidValue(Refusal):
    """A value that does not fit its attribute."""


class InvalidFilter(Refusal):
    """A text that is no filter, or asks what cannot be asked."""

    scim_type = "invalidFilter"


class InvalidPath(Refusal):
    """A text that is no path, or a path that leads nowhere."""

    scim_type = "invalidPath"


class InvalidSyntax(Refusal):
    """A body that is not built as it has to be."""

    scim_type = "invalidSyntax"


class NoTarget(Refusal):
    """An operation whose path finds nothing to work on."""

    scim_type = "noTarget"


class Immutable(Refusal):
    """A change of what no client may change."""

    scim_type = "mutability"
