"""An image that takes long to send is told with what is in it and what to do."""

from slipway.images import weight
from slipway.images.sources import Image
from tests.fakes.host import FakeHost

HISTORY = """0B\tCMD ["node" "server.js"]
1.4GB\tRUN /bin/sh -c npm install # buildkit
310MB\tCOPY . . # buildkit
74.8MB\t/bin/sh -c #(nop) ADD file:1 in /
"""


def test_a_heavy_image_is_told_with_its_largest_layers_and_what_to_do() -> None:
    host = FakeHost().answers(
        "docker", "image", "inspect", out="sha256:1\t1820000000\nsha256:2\t90000000\n"
    )
    host.answers("docker", "history", out=HISTORY)
    images = [Image("shop/web:src-1", "sha256:1"), Image("shop/api:src-2", "sha256:2")]
    (sentence,) = weight.notes(host, images)
    assert sentence.startswith(
        "shop/web is 1.8 GB, of it 1.4 GB by `npm install`, 0.3 GB by `COPY . .`; build in a stage"
    )
    assert "set REGISTRY" in sentence


def test_nothing_is_said_of_light_images() -> None:
    host = FakeHost().answers("docker", "image", "inspect", out="sha256:1\t900000000\n")
    assert list(weight.notes(host, [Image("a:1", "sha256:1")])) == []


LAYERS = """0\tCMD ["python"]
0\tENV A=b
700\tCOPY app.py ./ # buildkit
0\tWORKDIR /app
90000\tRUN /bin/sh -c pip install # buildkit
0\t/bin/sh -c #(nop)  CMD ["bash"]
5000000\t/bin/sh -c #(nop) ADD file:1 in /
"""


def test_what_will_be_sent_is_what_the_layers_are_without_those_that_are_there() -> None:
    host = FakeHost().answers("docker", "history", out=LAYERS)
    image = Image("shop/api:src-1", "sha256:1")
    chain = ("base", "packages", "folder", "app")
    assert weight.of_layers(host, [image], {image.id: chain}, {"base"}) == 90700
    assert weight.of_layers(host, [image], {image.id: chain}, ()) == 5090700
    unknown = {image.id: chain[1:]}
    assert weight.of_layers(host, [image], unknown, ()) == 0
