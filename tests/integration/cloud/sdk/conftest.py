"""One cloud for all tests with Azure's SDKs; each test has a resource group of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sdkcloud import SdkCloud, sdk_cloud


@pytest.fixture(scope="package")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdkCloud]:
    with sdk_cloud(tmp_path_factory.mktemp("sdk")) as sdk:
        yield sdk


@pytest.fixture
def group(sdk: SdkCloud, request: pytest.FixtureRequest) -> str:
    return sdk.group(request.node.name[:80])
