"""`manage.py write_docs`: the pages of docs/ that are generated from the code's catalogues."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.api import catalogue
from kernel.api.endpoint import Endpoint, endpoints
from kernel.wiring import wiring
from orgs.permissions import (
    DESCRIPTIONS,
    ORGANIZATION_ROLES,
    RESERVED_TO_OWNERS,
    TEAM_LEVEL,
    TEAM_ROLES,
)

GENERATED = "<!-- Written by `manage.py write_docs` from the code. Change the code instead. -->\n"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Command(BaseCommand):
    """Write them, or say which are stale."""

    help = "Write docs/permissions.md, docs/errors.md and docs/events.md from the code."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to look only."""
        parser.add_argument("--check", action="store_true", help="change nothing; fail if stale")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write each page whose content differs."""
        stale = [path for path, text in pages().items() if not _is(path, text)]
        if options["check"]:
            if stale:
                names = ", ".join(path.name for path in stale)
                raise CommandError(f"Stale: {names}. Run manage.py write_docs.")
            return
        for path in stale:
            path.write_text(pages()[path])
            self.stdout.write(f"wrote {path.name}")


def pages() -> dict[Path, str]:
    """Return every generated page and its content."""
    docs = Path(settings.BASE_DIR) / "docs"
    return {
        docs / "permissions.md": permissions_page(),
        docs / "errors.md": errors_page(),
        docs / "events.md": events_page(),
    }


def permissions_page() -> str:
    """Return the matrix of roles and permissions, and what each request needs."""
    rows = [_line(name, ORGANIZATION_ROLES) for name in sorted(DESCRIPTIONS)]
    teams = [_line(name, TEAM_ROLES) for name in sorted(TEAM_LEVEL)]
    reserved = ", ".join(f"`{name}`" for name in sorted(RESERVED_TO_OWNERS))
    return "\n".join(
        [
            "# Permissions",
            GENERATED,
            "What the built-in roles hold. A custom role inherits one of them and adds or "
            f"removes permissions; {reserved} can be in no custom role. A key with scopes holds "
            "at most what its scopes name. Nobody gives more than they hold.\n",
            "## Roles of an organization\n",
            "They count on the organization and on all of its teams and projects.\n",
            *_table(["Permission", "What it allows", *ORGANIZATION_ROLES], rows),
            "## Roles of a team\n",
            "They count on the one team and on its projects, beside the organization role.\n",
            *_table(["Permission", "What it allows", *TEAM_ROLES], teams),
            "Some things go by a setting as well: everybody inside sees a team that is not "
            "hidden; with `allows_member_teams` members create teams; with "
            "`lets_members_invite` a team's members invite into it; open and public projects "
            "are read by everybody, and a restricted one only by the people named on it.\n",
            "## What each request needs\n",
            "“or yours” means that without the permission one reaches what is one's own, or "
            "one's team's: a list shows that part, and the rest looks absent.\n",
            *_table(["Request", "Permission"], _requests()),
        ]
    )


def errors_page() -> str:
    """Return every error code with its status, meaning and remedy."""
    parts = [
        "# Errors of the API",
        GENERATED,
        "Every error is a problem document (RFC 9457, `application/problem+json`). `code` is "
        "stable for ever, and `type` leads to a page about it. `instance` names the request "
        "as logs and the audit trail do.\n",
    ]
    for entry in catalogue.errors():
        parts += [
            f"## `{entry.code}`\n",
            f"{entry.status}: {entry.title}. {entry.meaning}\n",
            f"{entry.remedy}\n",
        ]
    return "\n".join(parts)


def events_page() -> str:
    """Return every event type with the sentence that admins read."""
    rows = [[f"`{name}`", sentence] for name, sentence in sorted(wiring().events.items())]
    return "\n".join(
        [
            "# Events",
            GENERATED,
            "Every change writes one event: who, through which credential, from where, to what, "
            "with which difference. The rows of an organization are one hash chain.\n",
            *_table(["Type", "Sentence"], rows),
        ]
    )


def _requests() -> list[list[str]]:
    found = []
    for _, path, view in endpoints():
        shown = re.sub(r"<str:(\w+)>", r"{\1}", path)
        found += [
            [f"`{method} {shown}`", _needs(view, method)]
            for method in METHODS
            if hasattr(view, method.lower())
        ]
    return sorted(found, key=lambda row: row[0].split(" ")[::-1])


def _needs(view: type[Endpoint], method: str) -> str:
    permission = getattr(view, "permissions", {}).get(method)
    if permission is None:
        return "a key"
    return f"`{permission}`" + (", or yours" if method in getattr(view, "partial", ()) else "")


def _line(permission: str, roles: Mapping[str, frozenset[str]]) -> list[str]:
    marks = ["yes" if permission in held else "–" for held in roles.values()]
    return [f"`{permission}`", DESCRIPTIONS[permission], *marks]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return [*("| " + " | ".join(line) + " |" for line in lines), ""]


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text
