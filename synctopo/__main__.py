"""`python -m synctopo` is the command `synctopo`."""

from synctopo.cli import main

main()
