"""Steps that kernels share: each is compiled once, and its callers know its symbol alone.

numba puts the code of whatever a kernel calls into that kernel, where it is optimised and
emitted again.  A shared step is left out of that: LLVM finds its symbol among what the
process has compiled or loaded.

The name of a symbol has a number in it, of what the process compiled before.  So a kernel
that comes from the disk may know a step by the name it had in another process, under
which `bind` makes this process's known.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
from numba.core.compiler_lock import global_compiler_lock
from numba.core.sigutils import normalize_signature
from numba.core.types.misc import unliteral

__all__ = ["StepUse", "bind", "share", "steps_of"]


@dataclass(frozen=True)
class StepUse:
    """What a kernel on the disk says of a step that it calls.

    Parameters
    ----------
    symbol : str
        Its name, in the process that compiled the kernel.
    module, name : str
        Where its function is.
    signature : tuple of numba types
        Of its arguments.
    """

    symbol: str
    module: str
    name: str
    signature: tuple[Any, ...]


_shared: dict[str, StepUse] = {}


def share(dispatcher: Any) -> Any:
    """Let the callers of a dispatcher's function know its symbol, and not its code.

    It has been told to compile without what Python would call it by; such a call is refused.
    """
    compile_here = dispatcher.compile

    def compile_apart(signature: Any) -> Any:
        arguments, _ = normalize_signature(signature)
        with global_compiler_lock:
            # A constant is an argument as any other: else each would have code of its own.
            entry = compile_here(tuple(unliteral(one) for one in arguments))
            for compiled in dispatcher.overloads.values():
                _set_apart(dispatcher, compiled)
        return entry

    def refuse(*_arguments: Any) -> None:
        name = dispatcher.py_func.__name__
        raise TypeError(f"{name} is a step of compiled kernels: call it from one, not from Python")

    dispatcher.compile = compile_apart
    # A call from Python looks for what was inserted, and else has it compiled for its arguments.
    dispatcher._insert = lambda *_arguments: None
    dispatcher._compile_for_args = refuse
    return dispatcher


def _set_apart(dispatcher: Any, compiled: Any) -> None:
    symbol = compiled.fndesc.llvm_func_name
    if symbol not in _shared:
        context, function = compiled.target_context, dispatcher.py_func
        # Inserted again without its library, it is declared where it is called, and no more.
        context.remove_user_function(compiled.entry_point)
        context.insert_user_function(compiled.entry_point, compiled.fndesc)
        _shared[symbol] = StepUse(
            symbol, function.__module__, function.__qualname__, compiled.signature.args
        )


def steps_of(library: Any) -> list[StepUse]:
    """Return the shared steps that the code of a compiled kernel calls."""
    functions = library._final_module.functions
    return [_shared[one.name] for one in functions if one.is_declaration and one.name in _shared]


def bind(uses: Sequence[StepUse]) -> None:
    """See to it that those symbols are found, before code that uses them is loaded."""
    for use in uses:
        if use.symbol in _shared:
            continue
        dispatcher = getattr(importlib.import_module(use.module), use.name)
        dispatcher.compile(use.signature)
        if use.symbol not in _shared:
            mine = dispatcher.overloads[use.signature]
            address = mine.library.get_pointer_to_function(mine.fndesc.llvm_func_name)
            llvm.add_symbol(use.symbol, address)
