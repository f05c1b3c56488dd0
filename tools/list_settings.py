"""Write docs/settings.md: every setting of the service in one table, from the settings themselves.

python tools/list_settings.py            write it again
python tools/list_settings.py --check    exit with 1 when it is out of date
"""

from __future__ import annotations

from page import ROOT, write_or_check
from walkaround.settings import SettingRow, setting_rows

TARGET = ROOT / "docs" / "settings.md"

HEAD = """# Settings

Written by `make docs` from the settings themselves; a test fails when it is out of date.

A flag of `walkaround serve` comes before the environment variable, that before the TOML file, and that before the default.
The file is the one of `--config` or `WALKAROUND_CONFIG`, else `walkaround.toml` in the configuration folder of the user (in
`~/.config/walkaround` on Linux). Names in it are those of the first column. Paths in it are relative to the file.

```toml
port = 9000
s3_endpoint = "https://storage.example.com"

[buckets]
photos = "photos"
archive = "s3://our-archive/2024"
```

Buckets are given one by one with `--bucket NAME=PLACE`, with commas between them in the environment, and as a table in the
file; they add up. A bucket that is not mapped is the folder of its name in `buckets/` of the data folder, if there is one;
else it is asked for at S3, if an endpoint or an access key is set here or in the usual variables of AWS.

| setting | flag | environment | default | allowed | meaning |
|---|---|---|---|---|---|
"""


def listing() -> str:
    """The whole page."""
    return HEAD + "".join(_row(row) for row in setting_rows())


def _row(row: SettingRow) -> str:
    flag = f"`{row.flag}`" if row.flag else "none, so that it is not seen"
    default = f"`{row.default}`" if row.default else ""
    return f"| `{row.name}` | {flag} | `{row.environment}` | {default} | {row.allowed} | {row.meaning} |\n"


if __name__ == "__main__":
    write_or_check(TARGET, listing())
