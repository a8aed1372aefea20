"""Weights of torch.save within a zip: what unpacks to more than it may is refused before it is unpacked."""

import io
import re
import zipfile

import pytest
import torch

from lab.door import torches
from lab.errors import UserError


def packed(content, name="policy.pth"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def saved(value):
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def test_the_tensors_of_a_member_come_back(tmp_path):
    (tmp_path / "agent.zip").write_bytes(packed(saved({"a": torch.arange(3.0)})))
    found = torches.weights(tmp_path / "agent.zip", "policy.pth")
    assert list(found) == ["a"]
    assert found["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("content", [bytes(1 << 21), packed(bytes(1 << 21), "archive/data/0")])
def test_a_zip_or_a_zip_within_it_that_unpacks_to_more_is_refused(tmp_path, content):
    (tmp_path / "agent.zip").write_bytes(packed(content))
    assert (tmp_path / "agent.zip").stat().st_size < 1 << 14
    told = f"agent.zip: policy.pth unpacks to {1 << 21:,} bytes; at most {1 << 20:,} are accepted"
    with pytest.raises(UserError, match=re.escape(told)):
        torches.weights(tmp_path / "agent.zip", "policy.pth", most=1 << 20)
