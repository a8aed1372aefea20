"""Measures of training dynamics: functions of losses and arrays, with no plotting."""
