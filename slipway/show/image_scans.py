"""What was found in images, on the screen."""

from slipway.errors import DifferenceFound
from slipway.releases.image_scan import ScanReport
from slipway.show import table, writer


def show(report: ScanReport, *, as_json: bool = False) -> None:
    """Print the holes; what a scanner printed, and why an image could not be judged."""
    columns = ("service", "package", "installed", "mended")
    rows = [{name: getattr(hole, name) for name in columns} for hole in report.holes]
    table.rows(columns, rows, as_json=as_json)
    if not as_json:
        for text in (*report.outputs, *report.unseen):
            writer.say(text)
    source = report.scanner or "the distributions' own data"
    writer.tell(f"asked {source}; what each image holds is in {report.folder}")


def check(report: ScanReport) -> None:
    """Raise DifferenceFound unless every image was judged, and none has a known hole."""
    if not report.is_clean:
        raise DifferenceFound("images have known holes, or could not be judged")
