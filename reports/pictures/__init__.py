"""Pictures: SVG that pages show, and that figure.py makes into files."""
