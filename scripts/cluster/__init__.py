"""Boots Big Iron's image on an emulated PC and brings its consoles, results and counters back."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
