"""What each report says: one module for one report, from rows to parts."""
