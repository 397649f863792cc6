"""Tests of `hold`, `assert_agrees` and files of pairs."""
