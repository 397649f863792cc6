"""Tests of the second assignment."""
