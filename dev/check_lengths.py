"""Report files that grew too long: over 400 lines a warning, over 600 a failure."""

import subprocess
import sys
from pathlib import Path

WARN_OVER = 400
FAIL_OVER = 600
ENDINGS = frozenset({".py", ".html", ".css", ".js"})
FREE = ("migrations", "vendor")


def main() -> int:
    """Print what is long; return 1 if something is too long."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    status = 0
    for path in map(Path, sorted(listed.stdout.splitlines())):
        if path.suffix not in ENDINGS or not path.is_file() or set(FREE) & set(path.parts):
            continue
        length = len(path.read_text().splitlines())
        if length > FAIL_OVER:
            print(f"too long  {length:5}  {path}")
            status = 1
        elif length > WARN_OVER:
            print(f"long      {length:5}  {path}")
    return status


if __name__ == "__main__":
    sys.exit(main())
