"""Change the rules of access and seats one operator at a time; a test should notice each.

`python dev/mutate.py module [test …]` loads a module's tests once and runs them in a child
for every change of the module, whose functions get the changed code there. It uses the test
database that `STEWARD_TEST_DATABASE_URL` names and prints what no test noticed. Nothing on
disk is touched. A night's work, not a gate: `MINUTES=10` takes a fair sample.
"""

import ast
import copy
import importlib
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest import main as pytest_main

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    "orgs/access/decision.py": ["tests/orgs/access"],
    "orgs/access/standing.py": ["tests/orgs/access"],
    "orgs/actions/seats.py": ["tests/orgs/actions/test_members.py"],
    "orgs/actions/occupancy.py": ["tests/orgs/actions/test_members.py"],
    "identity/queries.py": ["tests/identity/actions", "tests/identity/api"],
    "kernel/events/chain.py": ["tests/kernel/events"],
}
SECONDS_FOR_ONE = 300
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,  # codespell:ignore
    ast.NotIn: ast.In,  # codespell:ignore
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


class Trial:
    """A pytest plugin that runs the collected tests once for each change."""

    def __init__(self, module: str, until: float) -> None:
        self.path, self.until = module, until
        self.survived, self.noticed, self.untried = 0, 0, 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try the unchanged module, then each change of it, in a child each."""
        module = importlib.import_module(self.path.removesuffix(".py").replace("/", "."))
        tree = ast.parse((ROOT / self.path).read_text())
        if not _holds_in_a_child(session, module, tree):
            print(f"left out  {self.path}: its tests are red as they are", flush=True)
            return True
        work = list(changes(tree))
        random.Random(1).shuffle(work)
        for line, words, changed in work:
            if time.monotonic() > self.until or not _differences(module, changed):
                self.untried += 1
            elif _holds_in_a_child(session, module, changed):
                self.survived += 1
                print(f"survived  {self.path}:{line}  {words}", flush=True)
            else:
                self.noticed += 1
        tried = self.noticed + self.survived
        share = 100 * self.noticed / max(tried, 1)
        print(f"{self.path}: {self.noticed} of {tried} noticed ({share:.0f} %), "
              f"{self.untried} not tried", flush=True)  # fmt: skip
        return True


def _holds_in_a_child(session: pytest.Session, module: ModuleType, tree: ast.Module) -> bool:
    """Whether all tests pass in a child of this process that has the changed code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    status = 1
    try:
        signal.alarm(SECONDS_FOR_ONE)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        for function, code in _differences(module, tree):
            function.__code__ = code
        session.config.option.maxfail = 1
        pytest_main.pytest_runtestloop(session)
        status = 1 if session.testsfailed else 0
    except BaseException:  # noqa: BLE001 - a change may raise anything, at any place
        status = 1
    finally:
        os._exit(status)


def _differences(module: ModuleType, tree: ast.Module) -> list[tuple[FunctionType, CodeType]]:
    """Return the module's functions whose code the tree changes, with the new code."""
    names = {**vars(module)}
    # ast-grep-ignore: no-code-from-data - the module's own code, changed
    exec(compile(tree, str(module.__file__), "exec"), names)
    new = dict(_functions(names, module.__name__))
    return [
        (function, new[name].__code__)
        for name, function in _functions(vars(module), module.__name__)
        if name in new and new[name].__code__.co_freevars == function.__code__.co_freevars
        and _shape(new[name].__code__) != _shape(function.__code__)
    ]  # fmt: skip


def _functions(names: dict[str, Any], room: str) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions and methods that a module defines, unwrapped."""
    for value in list(names.values()):
        inner = vars(value).values() if isinstance(value, type) else [value]
        if isinstance(value, type) and value.__module__ != room:
            continue
        for candidate in inner:
            function = getattr(candidate, "fget", None) or getattr(
                candidate, "__func__", candidate
            )
            while hasattr(function, "__wrapped__"):
                function = function.__wrapped__
            if isinstance(function, FunctionType) and function.__module__ == room:
                yield function.__qualname__, function


def _shape(code: CodeType) -> tuple[Any, ...]:
    """Return what a code does, without where it stands in its file."""
    inner = tuple(_shape(part) if isinstance(part, CodeType) else part for part in code.co_consts)
    return code.co_code, repr(inner), code.co_names


def main(arguments: list[str]) -> int:
    """Try the changes of one module, or of each in turn in processes of their own."""
    if not arguments:
        return max(os.spawnv(os.P_WAIT, sys.executable, [sys.executable, __file__, module])
                   for module in MODULES)  # fmt: skip
    module, *tests = arguments
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    trial = Trial(module, time.monotonic() + 60 * float(os.environ.get("MINUTES", "480")))
    options = ["-q", "-s", "-p", "no:cacheprovider", "--reuse-db", "--no-header"]
    pytest.main([*options, *(tests or MODULES[module])], plugins=[trial])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
