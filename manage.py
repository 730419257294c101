#!/usr/bin/env python
"""Django's command line; starts the embedded engines first when nobody else runs them."""

import os
import sys
from importlib import import_module

FILES_ONLY = ("compile_locale", "messages")  # no engines, no settings: they work before a key or a database is there


def main() -> None:
    if sys.argv[1:] and sys.argv[1] in FILES_ONLY:
        import_module(f"config.management.commands.{sys.argv[1]}").Command().run_from_argv(sys.argv)
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config import embedded
    from config.engines import EngineError

    try:
        embedded.ensure()
    except EngineError as error:
        sys.exit(str(error))  # a sentence; where it was raised helps nobody
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
