"""Figures and the HTML report: reads run directories and studies, imports no trainer."""
