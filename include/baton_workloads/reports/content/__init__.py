"""What each report says: one module for one report, from rows to parts.

A module whose ``REPORT`` is a ``Definition`` is a report, called as the module is; the others hold what several share.
A new report is one new module.
"""
