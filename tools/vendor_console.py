"""Fetch the console's JavaScript libraries again: python tools/vendor_console.py; needs npm and a network.

Writes src/walkaround/web/console/static/vendor: Preact with its hooks and signals and htm as one module, uPlot as another. The
versions are those below; what a browser runs is in the repository, so that neither users nor tests need npm.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGES = {"preact": "11.2.0", "@preact/signals": "2.11.4", "htm": "3.1.1", "uplot": "1.6.32"}
BUNDLER = "esbuild@0.28.2"
VENDOR = Path(__file__).parents[1] / "src" / "walkaround" / "web" / "console" / "static" / "vendor"
PREACT = """
export {h, render, Component, Fragment, createContext, createRef} from "preact";
export {useState, useEffect, useLayoutEffect, useMemo, useCallback, useRef, useReducer, useContext} from "preact/hooks";
export {useErrorBoundary, useId} from "preact/hooks";
export {signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect} from "@preact/signals";
import {h} from "preact"; import htm from "htm";
export const html = htm.bind(h);
"""


def main() -> None:
    """Fetch, bundle, and write down what came of it."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is not installed: only this tool needs it.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        subprocess.run([npm, "install", "--silent", "--prefix", folder, *wanted, BUNDLER], check=True)
        (folder / "preact.js").write_text(PREACT, encoding="utf-8")
        modules = folder / "node_modules"
        for entry, out in ((folder / "preact.js", "preact.js"), (modules / "uplot" / "dist" / "uPlot.esm.js", "uplot.js")):
            options = ["--bundle", "--format=esm", "--minify", "--legal-comments=eof", f"--outfile={VENDOR / out}"]
            subprocess.run([modules / ".bin" / "esbuild", entry, *options, "--log-level=warning"], cwd=folder, check=True)
        shutil.copyfile(modules / "uplot" / "dist" / "uPlot.min.css", VENDOR / "uplot.css")
    kept = sorted([*VENDOR.glob("*.js"), *VENDOR.glob("*.css")])
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}
    told = {"packages": PACKAGES, "bundled by": BUNDLER, "files": files}
    (VENDOR / "vendor.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
