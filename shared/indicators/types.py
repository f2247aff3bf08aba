"""Array types of this package."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""float64; whole histories are [symbols, bars], the newest bar last, NaN where nothing can be said yet."""

Rows = slice | NDArray[np.intp]
"""Which symbols an update is about: all or a run of them (fast, no copy), or a list of row numbers."""
