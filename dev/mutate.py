"""Change the rules of access and seats one operator at a time; a test should notice each.

`python dev/mutate.py [module …]` copies the committed tree to a folder of its own, runs the
tests beside each module against every changed copy of it and prints what survived. It uses
the test database that `STEWARD_TEST_DATABASE_URL` names. A night's work, not a gate:
`MINUTES=30` bounds it, and what was not tried is said.
"""

import ast
import copy
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    "orgs/access/decision.py": ["tests/orgs/access", "tests/orgs/actions/test_grants.py"],
    "orgs/access/standing.py": ["tests/orgs/access", "tests/orgs/actions/test_roles.py"],
    "orgs/actions/seats.py": ["tests/orgs/actions/test_members.py", "tests/orgs/actions"],
    "orgs/actions/occupancy.py": ["tests/orgs/actions/test_members.py", "tests/orgs/actions"],
    "identity/queries.py": ["tests/identity/actions", "tests/identity/api"],
    "kernel/events/chain.py": ["tests/kernel/events"],
}
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


def changes(tree: ast.Module) -> Iterator[tuple[int, str, ast.Module]]:
    """Yield the line, a description and the tree of every change to the code."""
    for index, original in enumerate(ast.walk(tree)):
        for variant in range(2):
            if not _change(copy.copy(original), variant):
                continue
            changed = copy.deepcopy(tree)
            node = next(node for place, node in enumerate(ast.walk(changed)) if place == index)
            words = _change(node, variant)
            yield getattr(node, "lineno", 0), words, ast.fix_missing_locations(changed)


def _change(node: ast.AST, variant: int) -> str:
    """Change one node in place and say how, or say nothing."""
    if variant:
        return _drop_a_statement(node)
    if isinstance(node, ast.Compare):
        old = node.ops[0]
        node.ops = [_SWAPS[type(old)](), *node.ops[1:]]  # type: ignore[list-item]
        return f"{type(old).__name__} -> {type(node.ops[0]).__name__}"
    if isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in _SWAPS:
        old_op = node.op
        node.op = _SWAPS[type(old_op)]()  # type: ignore[assignment]
        return f"{type(old_op).__name__} -> {type(node.op).__name__}"
    if isinstance(node, ast.If | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return "condition negated"
    if isinstance(node, ast.comprehension) and node.ifs:
        node.ifs = []
        return "filter of a comprehension dropped"
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
        return f"{not node.value} -> {node.value}"
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        node.value += 1
        return f"{node.value - 1} -> {node.value}"
    if isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Constant):
        words = f"return {ast.unparse(node.value)[:40]} -> return None"
        node.value = ast.Constant(None)
        return words
    return ""


def _drop_a_statement(node: ast.AST) -> str:
    if isinstance(node, ast.Raise | ast.AugAssign) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ):
        words = f"dropped: {ast.unparse(node)[:60]}"
        replace = ast.Pass()
        node.__class__, node.__dict__ = ast.Pass, {**replace.__dict__, "lineno": node.lineno,
            "col_offset": 0, "end_lineno": node.lineno, "end_col_offset": 0}  # fmt: skip
        return words
    return ""


def main(wanted: list[str]) -> int:
    """Try every change of the wanted modules, in an order that a short run samples fairly."""
    until = time.monotonic() + 60 * float(os.environ.get("MINUTES", "480"))
    survived, killed, left = [], 0, 0
    with tempfile.TemporaryDirectory(prefix="steward-mutate-") as name:
        place = Path(name)
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", name], input=archive, check=True)
        work = []
        for module in wanted or MODULES:
            source = (place / module).read_text()
            if not _green(place, module):
                print(f"{module}: its tests are red before anything was changed", file=sys.stderr)
                return 2
            work += [(module, source, *change) for change in changes(ast.parse(source))]
        random.Random(1).shuffle(work)
        for module, source, line, words, tree in work:
            if time.monotonic() > until:
                left += 1
                continue
            (place / module).write_text(ast.unparse(tree))
            if _green(place, module):
                survived.append((module, line, words))
                print(f"survived  {module}:{line}  {words}", flush=True)
            else:
                killed += 1
            (place / module).write_text(source)
    tried = killed + len(survived)
    print(f"{killed} of {tried} noticed ({100 * killed / max(tried, 1):.0f} %), {left} not tried")
    return 0


def _green(place: Path, module: str) -> bool:
    """Whether the tests of a module pass in a copy of the tree."""
    run = subprocess.run(
        [
            str(ROOT / ".venv/bin/python"), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
            "--reuse-db", *MODULES[module],
        ],
        cwd=place, capture_output=True, timeout=600, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    return run.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
