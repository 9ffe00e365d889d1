"""Pairs of which other people maintain both sides, described for the verdict."""

from benchmarks.public.torchvision_beside_cpu import LIBRARY as LIBRARY
