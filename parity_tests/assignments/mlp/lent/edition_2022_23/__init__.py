"""The support file of edition 2022–23."""
