import base64
import io

from PIL import Image

from facegender.pictures.thumbnail import SIDE, data_uri, thumbnail


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_thumbnails_are_small_upright_jpegs(tmp_path):
    picture = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    picture.save(tmp_path / "a.jpg", exif=exif)
    uri = thumbnail(tmp_path / "a.jpg")
    assert uri.startswith("data:image/jpeg;base64,")
    assert opened(uri).size == (SIDE // 2, SIDE)


def test_a_png_keeps_its_transparency():
    uri = data_uri(Image.new("RGBA", (2, 3), (255, 120, 0, 77)), "PNG")
    assert uri.startswith("data:image/png;base64,")
    assert opened(uri).getpixel((1, 2)) == (255, 120, 0, 77)
