# tests/style
