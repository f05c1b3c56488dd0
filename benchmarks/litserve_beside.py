"""The same model behind LitServe, for benchmarks/serving.py: run by the Python of LitServe's own environment.

`litserve_beside.py PACKAGE PORT WORKERS SITE...`: SITE are the folders where walkaround and its dependencies are found. Each
worker decodes and computes one picture at a time, on one core, with walkaround's own detector: what differs is the server
alone. (No `annotations` of the future here: LitServe reads the type of a request from the annotation itself.)
"""

import sys
from typing import Annotated, Any

import litserve
from fastapi import Body


class Detection(litserve.LitAPI):  # type: ignore[misc] # its environment is another
    """Picture in, verdict out."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        """In each worker."""
        sys.path += sys.argv[4:]
        from walkaround.inspection.detector import Detector

        self.detector = Detector(sys.argv[1], threads=1)

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> Any:
        """JPEG to pixels."""
        from walkaround.media.pictures import read_picture

        return read_picture(request, name="picture", side=self.detector.card.side).pixels

    def predict(self, x: Any) -> Any:
        """Pixels to findings."""
        return self.detector.inspect(x, source="picture")

    def encode_response(self, output: Any) -> dict[str, Any]:
        """As Lookout for Vision's reply."""
        result = {"Source": {"Type": "direct"}, "IsAnomalous": output.anomalous, "Confidence": output.confidence}
        return {"DetectAnomalyResult": result}


if __name__ == "__main__":
    server = litserve.LitServer(Detection(), accelerator="cpu", workers_per_device=int(sys.argv[3]))
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        api_server_worker_type="thread",
        generate_client_file=False,
        log_level="info",
    )
