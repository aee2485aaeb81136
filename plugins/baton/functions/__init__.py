"""Calls of functions: what a call is, how each kind of gateway wants it, when it may be repeated."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.functions.batch_operator import InvokeFunctionBatchOperator as InvokeFunctionBatchOperator
    from baton.functions.hook import FunctionHook as FunctionHook
    from baton.functions.operator import CALLBACK as CALLBACK
    from baton.functions.operator import FORGET as FORGET
    from baton.functions.operator import POLLING as POLLING
    from baton.functions.operator import SYNCHRONOUS as SYNCHRONOUS
    from baton.functions.operator import InvokeFunctionOperator as InvokeFunctionOperator

_MODULES = {
    "CALLBACK": "operator",
    "FORGET": "operator",
    "FunctionHook": "hook",
    "InvokeFunctionBatchOperator": "batch_operator",
    "InvokeFunctionOperator": "operator",
    "POLLING": "operator",
    "SYNCHRONOUS": "operator",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
