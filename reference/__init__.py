"""torch's side of any assignment: operations as value ± radius, the rounding that makes the radius, and devices."""
