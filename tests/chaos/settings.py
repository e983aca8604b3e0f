"""The product's settings, with the jobs and the pause of the chaos tests added."""

from config.settings.embedded import *  # noqa: F403 - as the product's own do

STEWARD_WIRING = "tests.chaos.jobs.WIRING"
MIDDLEWARE = ["tests.chaos.pause.PauseMiddleware", *MIDDLEWARE]  # noqa: F405
