"""Models compute in the process of the tests; other tests use the second core."""

from support.openblas import load_openblas

load_openblas(threads=1)
