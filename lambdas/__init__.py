"""Front doors on AWS: an event in, an answer out. They must not know rules, columns or formulas."""
