"""Commands of `baton_workloads` as tasks: operator, trigger, and the stages of the chain, backups and maintenance."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.workloads.clean_up_cluster_operator import CleanUpClusterOperator as CleanUpClusterOperator
    from baton.workloads.operator import WorkloadOperator as WorkloadOperator
    from baton.workloads.results import result_of as result_of

_MODULES = {
    "CleanUpClusterOperator": "clean_up_cluster_operator",
    "WorkloadOperator": "operator",
    "result_of": "results",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
