"""How initial values are distributed: ``python -m benchmarks.initialisation [--seeds 100]``.

Each variable of the Keras autoencoder beside the same layer's of PyTorch, 500 values of each seed pooled: greatest size
as a share of the bound 1 / sqrt(fan_in), Kolmogorov and Smirnov's statistic and p of both samples, and p of Keras'
sample against the uniform distribution between the bounds.
"""

import argparse
import os
import platform

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from parity_tests.test_initialisers import Distribution, distributions


def show(found: Distribution) -> None:
    """Print a variable's row."""
    ours, theirs = (size / found.bound for size in found.greatest)
    statistics = f"{found.statistic:>9.4f}{found.pvalue:>9.3f}{found.uniform_pvalue:>9.3f}"
    print(f"{found.path:<22}{found.bound:>10.6f}{ours:>10.6f}{theirs:>10.6f}{statistics}", flush=True)


def main() -> None:
    """Compare all variables, and print the lowest p beside what so many comparisons allow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {options.seeds} seeds")
    print(f"{'variable':<22}{'bound':>10}{'Keras':>10}{'PyTorch':>10}{'KS':>9}{'p':>9}{'uniform':>9}")
    rows = []
    for found in distributions(32, 256, options.seeds):
        show(found)
        rows.append(found)
    lowest = min(found.pvalue for found in rows)
    beyond = [found.path for found in rows if max(found.greatest) > found.bound]
    print(f"lowest p of {len(rows)} variables {lowest:.4f}, where 5 % of all are below {0.05 / len(rows):.4f}")
    print(f"beyond its bound: {', '.join(beyond) or 'none'}")


if __name__ == "__main__":
    main()
