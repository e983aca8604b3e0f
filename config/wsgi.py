"""The WSGI application that granian serves."""

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from kernel.counting import store
from kernel.database import scope

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")

scope.close_by_default()
store.share_between_workers(settings.STEWARD_DATA_DIR / "metrics")
application = get_wsgi_application()

# What was loaded at the start stays for good: the collector need not walk it again and again,
# and a page of a hundred rows makes more objects than its default threshold allows for.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
