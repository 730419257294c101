"""The house's own settings with one address more: the naive decision, kept beside the gate to compare with."""

from config.settings import *  # noqa: F403, TID251

ROOT_URLCONF = "bench.urls"
