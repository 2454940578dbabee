"""`python -m synctopo` is the command `synctopo`."""

from synctopo.cli import main

# worker processes of Dask import this file too
if __name__ == "__main__":
    main()
