"""Look at every page of a running console: screenshots, axe, overflow, console errors.

    python dev/screenshots.py OUTPUT_FOLDER [--base-url URL] [--data-dir DIR] [--only WORD]

Signs in with the facts of `demo.json` in the data directory (see `manage.py seed_demo`),
visits the pages of the demo organization in light, dark and at 390 px, and exits with 1
if axe finds something serious, a page scrolls sideways, a script fails, something is asked
from another host, or a component tag reaches the browser.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BAD = {"serious", "critical"}

# Name → path; `{o}` is the organization's address. `>` follows the first link that matches.
PAGES = {
    "overview": "/o/{o}/",
    "members": "/o/{o}/members",
    "members-filtered": "/o/{o}/members?q=nobody-has-this-name",
    "member": "/o/{o}/members > table .who",
    "invite": "/o/{o}/members/invite",
    "invitations": "/o/{o}/members/invitations",
    "requests": "/o/{o}/members/requests",
    "request-new": "/o/{o}/members/requests/new",
    "request-approve": "/o/{o}/members/requests > a[href$='/approve']",
    "deactivated": "/o/{o}/members/deactivated",
    "seats": "/o/{o}/members/seats",
    "member-remove": "/o/{o}/members > a[href$='/deactivate']",
    "teams": "/o/{o}/teams",
    "team-new": "/o/{o}/teams/new",
    "team": "/o/{o}/teams/nw-vision",
    "team-add": "/o/{o}/teams/nw-vision/add",
    "team-settings": "/o/{o}/teams/nw-vision/settings",
    "team-delete": "/o/{o}/teams/nw-vision/delete",
    "roles": "/o/{o}/roles",
    "role": "/o/{o}/roles > a[href*='/roles/role_']",
    "role-new": "/o/{o}/roles/new",
    "grants": "/o/{o}/access",
    "grant-new": "/o/{o}/access/new",
    "projects": "/o/{o}/projects",
    "project": "/o/{o}/projects > table a.strong",
    "project-new": "/o/{o}/projects/new",
    "audit": "/o/{o}/audit",
    "settings": "/o/{o}/settings",
    "policies": "/o/{o}/settings/policies",
    "features": "/o/{o}/settings/features",
    "organization-delete": "/o/{o}/settings/delete",
    "service-accounts": "/o/{o}/service-accounts",
    "provisioning": "/o/{o}/provisioning",
    "provisioning-connect": "/o/{o}/provisioning/connect?provider=okta",
    "provisioning-set-up": "/o/{o}/provisioning/set-up?provider=entra",
    "provisioning-groups": "/o/{o}/provisioning/groups",
    "provisioning-connection": "/o/{o}/provisioning > main a.linked",
    "provisioning-log": "/o/{o}/provisioning/log",
    "provisioning-entry": "/o/{o}/provisioning/log > main a[href*='?entry=']",
    "organizations": "/organizations",
    "organization-new": "/organizations/new",
    "account": "/account/",
    "missing": "/o/no-such-organization/members",
}
VARIANTS = {
    "light": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


@dataclass
class Look:
    """What was found on the pages of one variant."""

    folder: Path
    base_url: str
    problems: list[str] = field(default_factory=list)

    def visit(self, page: Page, name: str, path: str) -> None:
        """Open a page, take its picture, and note what is wrong with it."""
        address, _, selector = path.partition(" > ")
        page.goto(self.base_url + address)
        if selector:
            # Read off, not clicked: the link may be in a closed menu or open a dialog.
            link = page.locator(selector).first.get_attribute("href")
            page.goto(self.base_url + (link or ""))
        page.screenshot(path=self.folder / f"{name}.png", full_page=True)
        if name == "members":
            # What fits on a screen: docs/images/members.png of the README is this one, in light.
            page.screenshot(path=self.folder / "members-screen.png")
        self._check(page, name)

    def _check(self, page: Page, name: str) -> None:
        result = Axe().run(page, options={"runOnly": {"type": "tag", "values": AXE_TAGS}})
        for violation in result.response["violations"]:
            nodes = "; ".join(node["html"][:120] for node in violation["nodes"][:3])
            line = f"{name}: {violation['impact']} {violation['id']}: {nodes}"
            print(line)
            if violation["impact"] in BAD:
                self.problems.append(line)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.problems.append(f"{name}: scrolls sideways")
        if "<c-" in page.content():
            self.problems.append(f"{name}: a component tag was not rendered")


def sign_in(page: Page, base_url: str, facts: dict[str, str]) -> None:
    """Sign in by the form, as a person does."""
    page.goto(f"{base_url}/account/login/")
    page.locator("input[name=login]").fill(facts["email"])
    page.locator("input[name=password]").fill(facts["password"])
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(lambda url: "/login" not in url)


def look(browser: Browser, variant: str, args: argparse.Namespace, facts: dict[str, str]) -> Look:
    """Visit every page in one variant."""
    folder = args.output / variant
    folder.mkdir(parents=True, exist_ok=True)
    found = Look(folder, args.base_url)
    context = browser.new_context(reduced_motion="reduce", **VARIANTS[variant])
    page = context.new_page()
    host = urlsplit(args.base_url).netloc
    page.on("pageerror", lambda error: found.problems.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda said: (
            found.problems.append(f"{page.url}: console: {said.text}")
            if said.type == "error" and "404" not in said.text
            else None
        ),
    )
    page.on(
        "request",
        lambda asked: (
            found.problems.append(f"{page.url}: asks {asked.url}")
            if urlsplit(asked.url).netloc not in (host, "")
            else None
        ),
    )
    page.goto(f"{args.base_url}/account/login/")
    page.screenshot(path=folder / "sign-in.png", full_page=True)
    sign_in(page, args.base_url, facts)
    for name, path in PAGES.items():
        if args.only in name:
            found.visit(page, name, path.format(o=facts["organization"]))
    context.close()
    return found


def main() -> int:
    """Look at everything; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--base-url", default="http://127.0.0.1:8000")
    parser.add_argument("--data-dir", type=Path, default=Path("var"))
    parser.add_argument("--only", default="")
    parser.add_argument("--variant", choices=[*VARIANTS, "all"], default="all")
    args = parser.parse_args()
    facts = json.loads((args.data_dir / "demo.json").read_text())
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for variant in VARIANTS if args.variant == "all" else [args.variant]:
            found = look(browser, variant, args, facts)
            problems += [f"[{variant}] {line}" for line in found.problems]
        browser.close()
    print("\n".join(problems) or "No problem found.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
