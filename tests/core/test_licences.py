"""The bill of materials names everything that is shipped, each with a licence."""

import licences


def test_everything_that_is_shipped_has_a_licence() -> None:
    found = licences.python_components() + licences.page_components()
    assert {"python", "page"} == {each.kind for each in found} and len(found) > 100
    assert [f"{each.name} {each.version}" for each in found if not each.licence] == []


def test_the_bill_is_cyclonedx_and_names_each_component_once() -> None:
    bill = licences.bill(licences.python_components() + licences.page_components())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    urls = [each["purl"] for each in bill["components"]]  # type: ignore[attr-defined]
    assert len(urls) == len(set(urls)) and all(url.startswith(("pkg:pypi/", "pkg:npm/")) for url in urls)
