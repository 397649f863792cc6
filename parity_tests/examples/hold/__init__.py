"""Five uses of `hold` as scripts: each is the user's own code and under ten lines beside it."""
