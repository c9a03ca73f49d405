"""`python -m opta_cli`: the command line, as the script `opta`."""

from .main import main

if __name__ == "__main__":
    main()
