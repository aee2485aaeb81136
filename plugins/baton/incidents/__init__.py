"""The data files of `include/incidents`, read and checked."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.incidents.diagnostics_file import read_evidence as read_evidence
    from baton.incidents.diagnostics_operator import CollectDiagnosticsOperator as CollectDiagnosticsOperator
    from baton.incidents.heal_operator import AskToRestartOperator as AskToRestartOperator
    from baton.incidents.heal_operator import FindUnhealthyOperator as FindUnhealthyOperator
    from baton.incidents.heal_operator import RestartWorkloadOperator as RestartWorkloadOperator
    from baton.incidents.healing_file import read_rules as read_rules

_MODULES = {
    "AskToRestartOperator": "heal_operator",
    "CollectDiagnosticsOperator": "diagnostics_operator",
    "FindUnhealthyOperator": "heal_operator",
    "RestartWorkloadOperator": "heal_operator",
    "read_evidence": "diagnostics_file",
    "read_rules": "healing_file",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
