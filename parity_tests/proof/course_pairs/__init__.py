"""Pairs as courses teach them, each with five wrong forms: all are told apart, and no honest one is rejected."""
