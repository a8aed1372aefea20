"""The laboratory: a phase engine, and what every trainer shares (runs, studies, reports, the command line)."""
