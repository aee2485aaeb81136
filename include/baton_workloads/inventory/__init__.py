"""Stock: what a warehouse system knows reaches the shop's inventory. See docs/reports.md."""
