"""A broker of the test's own, met with the product's options."""

from collections.abc import Callable, Iterator

import pytest
from celery import Celery

from config.celery import app as product

_OPTIONS = ("broker_connection_timeout", "broker_transport_options", "task_publish_retry")


@pytest.fixture
def use_broker() -> Iterator[Callable[[str], Celery]]:
    """Make an application with the product's options, but at another broker, the current one."""
    made = []

    def point(url: str) -> Celery:
        app = Celery("test", broker=url)
        app.conf.update({name: product.conf[name] for name in _OPTIONS})
        made.append(app)
        return app

    yield point
    for app in made:
        app.close()
    product.set_current()
