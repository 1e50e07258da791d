"""A headless Chromium, driven by the W3C's WebDriver protocol: a few requests of JSON to Debian's chromedriver."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any
from urllib.request import Request, urlopen

PROGRAMS = ("chromium", "chromedriver")
REMEDY = "Debian, Ubuntu: apt install chromium chromium-driver"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
TIMEOUT_S = 120


class Browser:
    """A browser with one page."""

    def __init__(self, address: str) -> None:
        options = {"args": ARGUMENTS, "binary": which("chromium")}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._address = address
        self._session = self._post("/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def open(self, file: Path, width: int, height: int = 1000, *, dark: bool = False) -> None:
        """Show a file in a window of that width."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", media="", features=[scheme])
        self._own("/url", {"url": file.absolute().as_uri()})

    def run(self, script: str) -> Any:
        """What the JavaScript ``script`` returns."""
        return self._own("/execute/sync", {"script": script, "args": []})

    def console(self) -> list[str]:
        """What the console has, from the beginning of the page: errors, warnings, and what was refused."""
        return [entry["message"] for entry in self._own("/se/log", {"type": "browser"})]

    def screenshot(self, file: Path, *, clip: tuple[int, int, int, int] | None = None) -> None:
        """The whole page as PNG, or a part of it: x, y, width and height."""
        options: dict[str, Any] = {"captureBeyondViewport": True, "format": "png"}
        if clip is not None:
            options["clip"] = dict(zip(("x", "y", "width", "height"), clip, strict=True)) | {"scale": 1}
        else:
            size = self._devtools("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        file.write_bytes(b64decode(self._devtools("Page.captureScreenshot", **options)["data"]))

    def print_to(self, file: Path) -> None:
        """The page as it is printed, PDF."""
        answer = self._devtools("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        file.write_bytes(b64decode(answer["data"]))

    def close(self) -> None:
        """End the browser."""
        self._request("DELETE", f"/session/{self._session}")

    def _devtools(self, command: str, **parameters: Any) -> Any:
        return self._own("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _own(self, path: str, body: dict[str, Any]) -> Any:
        return self._post(f"/session/{self._session}{path}", body)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._address}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)["value"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser, which is closed behind the block."""
    with subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        try:
            assert driver.stdout is not None
            port = next(
                line.rsplit(" ", 1)[1].strip(" .\n") for line in driver.stdout if "successfully on port" in line
            )
            shown = Browser(f"http://127.0.0.1:{port}")
            try:
                yield shown
            finally:
                shown.close()
        finally:
            driver.terminate()
