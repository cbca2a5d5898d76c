"""How a plausible payroll row is made: the models of the 13 tables and the factories over them."""
