"""Which environment a database belongs to: pure judgement over what the server, its stamp, the operator and the names say.

Unknown means production. The evidence is weighed here and gathered by the guard, over the connection that will write.
"""

from seedbed.environment.judging import Step, admit, allow, weigh
from seedbed.environment.names import Patterns, read_name, read_patterns
from seedbed.environment.restamping import require_old_stamp
from seedbed.environment.verdict import Evidence, Site, Stamp, Verdict, Weight
from seedbed.environment.words import KNOWN, PROTECTED, Environment, read_environment

__all__ = [
    "KNOWN",
    "PROTECTED",
    "Environment",
    "Evidence",
    "Patterns",
    "Site",
    "Stamp",
    "Step",
    "Verdict",
    "Weight",
    "admit",
    "allow",
    "read_environment",
    "read_name",
    "read_patterns",
    "require_old_stamp",
    "weigh",
]
