"""`manage.py jobs`: list job rows by state, and give dead ones another life."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from kernel.errors import Missing
from kernel.ids import decode
from kernel.jobs.models import Job
from kernel.jobs.run import retry


class Command(BaseCommand):
    """Shows and retries jobs."""

    help = "Show how many jobs wait, run and died; list the dead; retry one or all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--dead` and `--retry`."""
        parser.add_argument("--dead", action="store_true", help="list dead jobs with their error")
        parser.add_argument("--retry", metavar="ID", help="retry a dead job (job_…) or 'all'")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print counts, then what was asked for."""
        for row in Job.objects.values("state").annotate(n=Count("pk")).order_by("state"):
            self.stdout.write(f"{row['state']:8} {row['n']}")
        dead = Job.objects.filter(state=Job.State.DEAD)
        if options["dead"]:
            for job in dead[:100]:
                self.stdout.write(f"\n{job.wire_id} {job.kind}\n{job.last_error}")
        if options["retry"]:
            try:
                chosen = (
                    dead if options["retry"] == "all" else dead.filter(
                        pk=decode("job", options["retry"])
                    )
                )
            except Missing:
                raise CommandError("Give the id as job_ and 32 digits, or 'all'.") from None
            count = 0
            for job in chosen:
                retry(job)
                count += 1
            self.stdout.write(self.style.SUCCESS(f"{count} job(s) are due again."))
