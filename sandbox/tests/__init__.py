"""Tests of the sandbox: `python -m unittest discover -s sandbox/tests` in an environment made from requirements.txt."""
