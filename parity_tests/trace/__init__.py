"""Trains a network in lockstep with torch."""
