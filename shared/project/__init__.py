"""Read models: what every service's projections are written with."""
