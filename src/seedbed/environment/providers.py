"""Whose servers they are: the hosts of those who run PostgreSQL for their customers."""

from __future__ import annotations

import unicodedata
from fnmatch import fnmatchcase

PROVIDERS = {
    "Amazon RDS or Aurora": ("*.rds.amazonaws.com", "*.rds.amazonaws.com.cn", "*.dsql.*.on.aws"),
    "Amazon EC2, as Heroku's": ("ec2-*.amazonaws.com",),
    "Google Cloud SQL": ("/cloudsql/*", "*.sql.goog"),
    "Google AlloyDB": ("*.alloydb.goog", "*.alloydb-psc.goog"),
    "Azure": (
        "*.database.azure.com",
        "*.cosmos.azure.com",
        "*.database.usgovcloudapi.net",
        "*.database.chinacloudapi.cn",
    ),
    "Supabase": ("*.supabase.co", "*.supabase.com", "*.supabase.net"),
    "Neon": ("*.neon.tech",),
    "DigitalOcean": ("*.db.ondigitalocean.com",),
    "Aiven": ("*.aivencloud.com",),
    "Render": ("*.render.com", "dpg-*-a"),
    "Fly": ("*.flycast", "*.fly.dev", "*.flympg.net"),
    "Timescale": ("*.timescale.com",),
    "Crunchy Bridge": ("*.postgresbridge.com",),
    "Railway": ("*.railway.app", "*.railway.internal", "*.rlwy.net"),
    "Scaleway": ("*.scw.cloud",),
    "OVHcloud": ("*.database.cloud.ovh.net",),
    "IBM Cloud": ("*.databases.appdomain.cloud",),
    "Alibaba Cloud": ("*.rds.aliyuncs.com",),
    "PlanetScale": ("*.psdb.cloud",),
    "Prisma": ("*.prisma.io", "*.prisma-data.net"),
    "Xata": ("*.xata.sh", "*.xata.tech"),
}
"""Hosts of servers that others run for their customers: never this machine, and nothing is known of what they are for."""

_DOMAINS = (".dev", ".live")
"""Top-level domains that anybody may have a server in, whatever the server is for."""


def managed_by(host: str) -> str:
    """Return whose server a host is, empty where it is no provider's that we know.

    >>> managed_by("payroll.c1x.eu-west-1.rds.amazonaws.com"), managed_by("db.internal")
    ('Amazon RDS or Aurora', '')
    """
    name = folded(host)
    known = ((p, glob) for p, globs in PROVIDERS.items() for glob in globs)
    return next((provider for provider, glob in known if fnmatchcase(name, glob)), "")


def own_part(host: str) -> str:
    """Return the part of a host's name that its owner chose: without a provider's domain or a public one."""
    name = folded(host)
    for globs in PROVIDERS.values():
        for glob in globs:
            if glob.startswith("*.") and fnmatchcase(name, glob):
                suffix = glob.rpartition("*")[2]
                return host[: len(host) - len(suffix)]
    return next((host[: -len(each)] for each in _DOMAINS if name.endswith(each)), host)


def folded(name: str) -> str:
    """Return a name as names are compared: without case, width and a root dot."""
    return unicodedata.normalize("NFKC", name).rstrip(".").casefold()
