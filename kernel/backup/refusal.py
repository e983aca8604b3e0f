"""Why a backup or a restore does not take place."""


class Refusal(Exception):
    """A sentence for the operator; nothing was changed."""
