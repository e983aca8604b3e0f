"""Mail as rows: rendered in the transaction of its cause, sent by a job.

Bodies hold links that are secrets, so they are stored encrypted and dropped once
sent (the embedded outbox keeps them: there the page is the mailbox).
Tests: tests/kernel/mail/.
"""
