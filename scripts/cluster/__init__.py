"""Boots Big Iron's image on an emulated PC and brings its consoles, results and counters back."""
