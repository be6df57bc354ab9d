"""Speed and results, measured; see the README of this folder."""
