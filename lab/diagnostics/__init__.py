"""Measures of training dynamics: functions of losses and arrays, with no plotting.

games           reference games: vector fields of two players with closed-form Jacobians
floquet         multipliers of one cycle of learning rates, exactly, by products
stability       growth over period, offset and modulation; resonance tongues; safe periods
weights         a step's ratio to the weights, cosine and distance; a layer's largest singular value and stable rank
curvature       a loss's leading Hessian eigenvalues, and the gradient's noise scale
"""
