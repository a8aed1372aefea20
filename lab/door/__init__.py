"""The one door for outside data: regular files only, read with limits, checked against types, refused in one line.

Everything behind it trusts its types. ``tests/test_layers.py`` holds that nothing else decodes YAML, JSON, CSV, npz,
safetensors, gzip, archives, pickles or images.
"""
