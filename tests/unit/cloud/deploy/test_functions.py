"""The documented examples of each function, as tests.

Source: Microsoft's documentation of the template functions, one page for each group of them.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.cloud.deploy.evaluate import evaluated, resolved
from bluejacket.cloud.deploy.expressions import ExpressionError, Literal, parse, written
from bluejacket.cloud.deploy.functions import FUNCTIONS
from bluejacket.cloud.deploy.scope import Scope, Stage, UserFunction

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
VARIABLES: dict[str, Any] = {
    "dogs": [
        {"name": "Evie", "age": 5, "interests": ["Ball", "Frisbee"]},
        {"name": "Casper", "age": 3, "interests": ["Other dogs"]},
        {"name": "Indy", "age": 2, "interests": ["Butter"]},
        {"name": "Kira", "age": 8, "interests": ["Rubs"]},
    ],
    "one": {"one": "a", "two": "b", "three": "c1"},
    "two": {"three": "c2", "four": "d", "five": "e"},
    "abc": {"one": "a", "two": "b", "three": "c"},
    "nested": {"property": {"one": "a", "three": "c1"}, "nestedArray": [1, 2]},
    "nestedToo": {"property": {"three": "c2", "four": "d"}, "nestedArray": [3, 4]},
    "entities": {"item002": {"enabled": False, "number": 200}, "item001": {"enabled": True, "number": 300}},
    "contoso": {"it": {"Contoso": 1, "None": None}},
}


class Around:
    """A host for functions that ask for nothing but names."""

    subscription = SUBSCRIPTION
    group = "myGroup"
    tenant = "t"

    def parameter(self, name: str) -> Any:
        raise ExpressionError(name)

    def variable(self, name: str) -> Any:
        return VARIABLES[name]

    def function(self, namespace: str, name: str) -> UserFunction | None:
        if (namespace, name) != ("contoso", "uniqueName"):
            return None
        return UserFunction(("prefix",), "[concat(toLower(parameters('prefix')), '-x')]")

    def is_secret(self, kind: str, name: str) -> bool:
        return False

    def about(self, what: str) -> Any:
        return {"name": what}

    def utc_now(self) -> str:
        return "2020-04-07T14:53:14.123456Z"

    def new_guid(self, place: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, place))

    def providers(self, namespace: str, kind: str | None) -> Any:
        return {"zones": ["1", "2", "3"] if kind == "virtualMachines" else []}

    def reference(self, name: str, version: str | None, full: bool) -> Any:
        return {"name": name, "version": version, "full": full}

    def references(self, name: str, full: bool) -> Any:
        return [name, full]

    def listing(self, action: str, resource: str, body: Any) -> Any:
        return [action, resource, body]


def value(expression: str, stage: Stage = Stage.RUN, **changes: Any) -> Any:
    scope = replace(Scope(Around(), Around(), FUNCTIONS, stage), **changes)
    return evaluated(parse(expression), scope)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        # strings
        ("concat('prefix', '-', 'x', 1, true())", "prefix-x1True"),
        ("concat(createArray('1-1', '1-2'), createArray('2-1'))", ["1-1", "1-2", "2-1"]),
        ("contains('OneTwoThree', 'e')", True),
        ("contains('OneTwoThree', 'z')", False),
        ("contains(createObject('one', 'a'), 'ONE')", True),
        ("contains(createArray('one', 'two'), 'two')", True),
        ("contains(createArray('one', 'two'), 'three')", False),
        ("endsWith('abcdef', 'F')", True),
        ("endsWith('abcdef', 'e')", False),
        ("startsWith('abcdef', 'AB')", True),
        ("startsWith('abcdef', 'b')", False),
        ("first('One Two Three')", "O"),
        ("first(createArray('one', 'two', 'three'))", "one"),
        ("last('One Two Three')", "e"),
        ("last(createArray('one', 'two', 'three'))", "three"),
        ("first(createArray())", None),
        ("format('{0}, {1}. Formatted number: {2:N0}', 'Hello', 'User', 8175133)",
         "Hello, User. Formatted number: 8,175,133"),
        ("format('{{{0,5}|{0,-5}|{1:D3}|{1:X2}|{2}}}', 'ab', 10, true())", "{   ab|ab   |010|0A|True}"),
        ("format('{0:000}/{1:#,##0.0}', 7, 1234)", "007/1,234.0"),
        ("indexOf('test', 't')", 0),
        ("indexOf('abcdef', 'CD')", 2),
        ("indexOf('abcdef', 'z')", -1),
        ("lastIndexOf('test', 't')", 3),
        ("lastIndexOf('abcdef', 'AB')", 0),
        ("indexOf(createArray('one', 'two'), 'two')", 1),
        ("lastIndexOf(createArray('one', 'two', 'one'), 'one')", 2),
        ("join(createArray('one', 'two', 3), ',')", "one,two,3"),
        ("length(createArray('one', 'two', 'three'))", 3),
        ("length('One Two Three')", 13),
        ("length(createObject('a', 1, 'b', 2))", 2),
        ("padLeft('123', 10, '0')", "0000000123"),
        ("padLeft(123, 5)", "  123"),
        ("replace('123-123-1234', '-', '')", "1231231234"),
        ("replace('123-123-1234', '1234', 'xxxx')", "123-123-xxxx"),
        ("skip('one two three', 4)", "two three"),
        ("skip(createArray('one', 'two', 'three'), 2)", ["three"]),
        ("take('one two three', 2)", "on"),
        ("take(createArray('one', 'two', 'three'), 2)", ["one", "two"]),
        ("take('a', 9)", "a"),
        ("split('one,two,three', ',')", ["one", "two", "three"]),
        ("split('one;two,three', createArray(',', ';'))", ["one", "two", "three"]),
        ("string(5)", "5"),
        ("string(createObject('a', createArray('b', 1, true())))", '{"a":["b",1,true]}'),
        ("string(false())", "False"),
        ("substring('one two three', 4, 3)", "two"),
        ("substring('one two three', 4)", "two three"),
        ("toLower('One Two')", "one two"),
        ("toUpper('One Two')", "ONE TWO"),
        ("trim('    one two three   ')", "one two three"),
        ("uri('http://contoso.org/firstpath', 'myscript.sh')", "http://contoso.org/myscript.sh"),
        ("uri('http://contoso.org/firstpath/', 'myscript.sh')", "http://contoso.org/firstpath/myscript.sh"),
        ("uri('http://contoso.org/firstpath/azuredeploy.json/', 'myscript.sh')",
         "http://contoso.org/firstpath/azuredeploy.json/myscript.sh"),
        ("uriComponent('http://contoso.com/resources/nested/azuredeploy.json')",
         "http%3A%2F%2Fcontoso.com%2Fresources%2Fnested%2Fazuredeploy.json"),
        ("dataUri('Hello')", "data:text/plain;charset=utf8;base64,SGVsbG8="),
        ("dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')", "Hello, World!"),
        ("base64ToJson(base64('{\"one\": \"a\"}'))", {"one": "a"}),
        # arrays and objects
        ("array(1)", [1]),
        ("array(createArray(1))", [1]),
        ("createArray()", []),
        ("createObject()", {}),
        ("createObject('intProp', 1, 'arrayProp', createArray('a'))", {"intProp": 1, "arrayProp": ["a"]}),
        ("empty(createArray())", True),
        ("empty(createObject())", True),
        ("empty('')", True),
        ("empty(null())", True),
        ("empty('x')", False),
        ("intersection(variables('abc'), createObject('one', 'a', 'two', 'z', 'three', 'c'))",
         {"one": "a", "three": "c"}),
        ("intersection(createArray('one', 'two', 'three'), createArray('two', 'three'))", ["two", "three"]),
        ("union(variables('one'), variables('two'))",
         {"one": "a", "two": "b", "three": "c2", "four": "d", "five": "e"}),
        ("union(createArray('one', 'two', 'three'), createArray('three', 'four'))",
         ["one", "two", "three", "four"]),
        ("union(variables('nested'), variables('nestedToo'))",
         {"property": {"one": "a", "three": "c2", "four": "d"}, "nestedArray": [3, 4]}),
        ("union(createArray(createArray('one', 'two'), createArray('x')), createArray(createArray('x')))",
         [["one", "two"], ["x"]]),
        ("items(variables('entities'))[0].key", "item001"),
        ("objectKeys(variables('entities'))", ["item001", "item002"]),
        ("json('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("json('null')", None),
        ("range(5, 3)", [5, 6, 7]),
        ("flatten(createArray(createArray('one', 'two'), createArray('three')))", ["one", "two", "three"]),
        ("shallowMerge(createArray(createObject('a', 1), createObject('a', 2, 'b', 3)))", {"a": 2, "b": 3}),
        ("tryGet(variables('contoso'), 'it', 'contoso')", 1),
        ("tryGet(variables('contoso'), 'it', 'woodgrove', 'x')", None),
        ("tryGet(createArray(1), 3)", None),
        ("indexFromEnd(createArray(1, 2, 3), 1)", 3),
        ("tryIndexFromEnd(createArray(1), 2)", None),
        ("variables('one').TWO", "b"),
        ("variables('one')['two']", "b"),
        ("coalesce(variables('contoso').it.none, null(), 'default')", "default"),
        ("coalesce(null())", None),
        # numbers
        ("add(5, 3)", 8),
        ("sub(7, 3)", 4),
        ("mul(5, 3)", 15),
        ("div(8, 3)", 2),
        ("div(-8, 3)", -2),
        ("mod(7, 3)", 1),
        ("mod(-7, 3)", -1),
        ("min(createArray(0, 3, 2, 5, 4))", 0),
        ("min(0, 3, 2, 5, 4)", 0),
        ("max(0, 3, 2, 5, 4)", 5),
        ("int('4')", 4),
        ("float('3.5')", 3.5),
        # comparison and logic
        ("equals(createArray('a', 'b'), createArray('a', 'b'))", True),
        ("equals('a', 'A')", False),
        ("equals(1, true())", False),
        ("equals(createObject('a', 1), createObject('a', 1))", True),
        ("equals(null(), null())", True),
        ("less(1, 2)", True),
        ("less('banana', 'apple')", False),
        ("lessOrEquals(2, 2)", True),
        ("greater('banana', 'apple')", True),
        ("greaterOrEquals(2, 1)", True),
        ("and(bool('true'), bool('false'))", False),
        ("or(bool('true'), bool('false'))", True),
        ("not(equals(1, 2))", True),
        ("bool(1)", True),
        ("bool(0)", False),
        ("if(equals('a', 'a'), 'yes', 'no')", "yes"),
        ("if(equals('a', 'b'), fail('not looked at'), 'no')", "no"),
        ("and(false(), fail('not looked at'))", False),
        ("or(true(), fail('not looked at'))", True),
        # dates
        ("dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", "4/7/2023 2:53:14 PM"),
        ("dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')", "3/29/2020 2:53:14 PM"),
        ("dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H')", "4/7/2020 3:53:14 PM"),
        ("dateTimeAdd('20200131T000000Z', 'P1M')", "20200229T000000Z"),
        ("dateTimeAdd('2020-02-29', 'P1Y', 'yyyy-MM-dd')", "2021-02-28"),
        ("dateTimeAdd('2020-01-01T00:00:00+02:00', 'PT0S', 's')", "2019-12-31T22:00:00"),
        ("dateTimeFromEpoch(1683040573)", "2023-05-02T15:16:13Z"),
        ("dateTimeToEpoch('2023-05-02T15:16:13Z')", 1683040573),
        # lambdas
        ("filter(variables('dogs'), lambda('dog', greaterOrEquals(lambdaVariables('dog').age, 5)))",
         [VARIABLES["dogs"][0], VARIABLES["dogs"][3]]),
        ("filter(range(0, 10), lambda('i', equals(0, mod(lambdaVariables('i'), 2))))", [0, 2, 4, 6, 8]),
        ("map(variables('dogs'), lambda('dog', format('Hello {0}!', lambdaVariables('dog').name)))",
         ["Hello Evie!", "Hello Casper!", "Hello Indy!", "Hello Kira!"]),
        ("map(createArray('a', 'b'), lambda('x', 'i', concat(lambdaVariables('x'), lambdaVariables('i'))))",
         ["a0", "b1"]),
        ("map(createArray(1, 2), lambda('x', map(createArray(10), lambda('y', "
         "add(lambdaVariables('x'), lambdaVariables('y'))))))", [[11], [12]]),
        ("reduce(map(variables('dogs'), lambda('dog', lambdaVariables('dog').age)), 1, "
         "lambda('cur', 'next', add(lambdaVariables('cur'), lambdaVariables('next'))))", 19),
        ("reduce(createArray(createObject('foo', 123), createObject('bar', 456)), createObject(), "
         "lambda('cur', 'next', union(lambdaVariables('cur'), lambdaVariables('next'))))",
         {"foo": 123, "bar": 456}),
        ("map(sort(variables('dogs'), lambda('a', 'b', less(lambdaVariables('a').age, "
         "lambdaVariables('b').age))), lambda('d', lambdaVariables('d').name))",
         ["Indy", "Casper", "Evie", "Kira"]),
        ("toObject(variables('dogs'), lambda('entry', lambdaVariables('entry').name), "
         "lambda('entry', lambdaVariables('entry').age))", {"Evie": 5, "Casper": 3, "Indy": 2, "Kira": 8}),
        ("groupBy(createArray('foo', 'bar', 'baz'), lambda('x', substring(lambdaVariables('x'), 0, 1)))",
         {"f": ["foo"], "b": ["bar", "baz"]}),
        ("mapValues(createObject('foo', 'foo'), lambda('val', toUpper(lambdaVariables('val'))))",
         {"foo": "FOO"}),
        # address ranges
        ("parseCidr('10.144.0.0/20')",
         {"network": "10.144.0.0", "netmask": "255.255.240.0", "broadcast": "10.144.15.255",
          "firstUsable": "10.144.0.1", "lastUsable": "10.144.15.254", "cidr": 20}),
        ("parseCidr('fdad:3236:5555::/48')",
         {"network": "fdad:3236:5555::", "netmask": "ffff:ffff:ffff::", "firstUsable": "fdad:3236:5555::",
          "lastUsable": "fdad:3236:5555:ffff:ffff:ffff:ffff:ffff", "cidr": 48}),
        ("cidrSubnet('10.144.0.0/20', 24, 4)", "10.144.4.0/24"),
        ("cidrSubnet('fdad:3236:5555::/48', 52, 4)", "fdad:3236:5555:4000::/52"),
        ("cidrHost('10.144.3.0/24', 0)", "10.144.3.1"),
        ("cidrHost('fdad:3236:5555:3000::/52', 4)", "fdad:3236:5555:3000::5"),
        # ids
        ("resourceId('Microsoft.Storage/storageAccounts', 'example')",
         f"/subscriptions/{SUBSCRIPTION}/resourceGroups/myGroup/providers/Microsoft.Storage/storageAccounts/example"),
        ("resourceId('otherGroup', 'Microsoft.Storage/storageAccounts', 'example')",
         f"/subscriptions/{SUBSCRIPTION}/resourceGroups/otherGroup/providers/Microsoft.Storage/storageAccounts/example"),
        ("resourceId('s2', 'g2', 'Microsoft.SQL/servers/databases', 'serverName', 'databaseName')",
         "/subscriptions/s2/resourceGroups/g2/providers/Microsoft.SQL/servers/serverName/databases/databaseName"),
        ("subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
         f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/r"),
        ("tenantResourceId('Microsoft.Authorization/policyDefinitions', 'p')",
         "/providers/Microsoft.Authorization/policyDefinitions/p"),
        ("managementGroupResourceId('m', 'Microsoft.Authorization/policyDefinitions', 'p')",
         "/providers/Microsoft.Management/managementGroups/m/providers/Microsoft.Authorization/policyDefinitions/p"),
        ("extensionResourceId('/subscriptions/s', 'Microsoft.Authorization/locks', 'l')",
         "/subscriptions/s/providers/Microsoft.Authorization/locks/l"),
        ("pickZones('Microsoft.Compute', 'virtualMachines', 'westus2', 2, 1)", ["2", "3"]),
        ("pickZones('Microsoft.Test', 'things', 'westus2')", []),
        (f"toPhysicalZone('{SUBSCRIPTION}', 'westus2', '1')", "westus2-az1"),
        (f"toPhysicalZones('{SUBSCRIPTION}', 'West US 2', createArray('1', '4'))", ["westus2-az1", ""]),
        (f"toLogicalZone('{SUBSCRIPTION}', 'westus2', 'westus2-az2')", "2"),
        (f"toLogicalZones('{SUBSCRIPTION}', 'westus2', createArray('westus2-az3', 'eastus-az1'))", ["3", ""]),
        ("resourceId('g', 'Microsoft.Network/virtualNetworks/subnets', 'v', '')",
         f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/"),
        ("contoso.uniqueName('ABC')", "abc-x"),
        ("reference('a', '2020-01-01', 'Full').version", "2020-01-01"),
        ("listKeys('id', '2020-01-01', createObject('a', 1))", ["listKeys", "id", {"a": 1}]),
    ],
)  # fmt: skip
def test_documented_example(expression: str, wanted: Any) -> None:
    found = value(expression)
    assert found == wanted
    assert json.dumps(found) == json.dumps(wanted) or isinstance(wanted, dict)


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        (("test",), "rbgf3xv4ufgzg"),
        (("hello", "world"), "a7wkljktk6wne"),
        (("abc",), "cgtzqvhu4i23s"),
        (("foo", "bar", "baz"), "xzi4ioaxtmth4"),
        (("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/my-rg",), "bmg7c6xu4tw46"),
    ],
)
def test_unique_string_is_that_of_bicep(parts: tuple[str, ...], wanted: str) -> None:
    """The values were published as Bicep's own by the author of an independent port."""
    arguments = ", ".join(f"'{one}'" for one in parts)
    assert value(f"uniqueString({arguments})") == wanted


def test_guid_is_that_of_the_documented_name_space() -> None:
    space = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
    assert value("guid('a', 'b', 'c')") == str(uuid.uuid5(space, "a-b-c"))


def test_what_changes_is_only_for_default_values() -> None:
    assert value("utcNow()", Stage.DEFAULT) == "20200407T145314Z"
    assert value("utcNow('d')", Stage.DEFAULT) == "04/07/2020"
    assert value("utcNow('M d')", Stage.DEFAULT) == "4 7"
    assert value("utcNow('u')", Stage.DEFAULT) == "2020-04-07 14:53:14Z"
    assert value("utcNow('dddd h tt, MMM yy, fff zz')", Stage.DEFAULT) == "Tuesday 2 PM, Apr 20, 123 +00"
    assert value("utcNow('o')", Stage.DEFAULT) == "2020-04-07T14:53:14.1234560Z"
    assert value("newGuid()", Stage.DEFAULT, place="p") == str(uuid.uuid5(uuid.NAMESPACE_DNS, "p"))
    for name in ("utcNow()", "newGuid()"):
        with pytest.raises(ExpressionError, match="is not expected at this location"):
            value(name)
    with pytest.raises(ExpressionError, match="'reference' is not expected at this location"):
        value("reference('x')", Stage.PLAN)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("nonsense('a')", "The template function 'nonsense' is not valid"),
        ("own.nonsense('a')", "The template function 'own.nonsense' is not valid"),
        ("toLower('a', 'b')", "function requires 1 argument(s) while 2 were provided"),
        ("concat()", "function requires at least 1 argument(s) while 0 were provided"),
        ("toLower(1)", "to be of type 'String'. The provided value is of type 'Integer'"),
        ("add('1', 2)", "to be of type 'Integer'. The provided value is of type 'String'"),
        ("if('true', 1, 2)", "to be of type 'Boolean'. The provided value is of type 'String'"),
        ("variables('one').nine", "doesn't exist, available properties are 'one, two, three'"),
        ("createArray(1)[1]", "array index '1' is out of bounds"),
        ("createArray(1)['x']", "must be an integer"),
        ("'x'.y", "can't be selected on a value of type 'String'"),
        ("substring('abc', 2, 5)", "must refer to a location within the string"),
        (
            "resourceId('Microsoft.Network/virtualNetworks/subnets', 'a')",
            "requires '2' resource name argument(s)",
        ),
        ("resourceId('a')", "the type must have its provider"),
        ("div(1, 0)", "can't divide by zero"),
        ("mul(9223372036854775807, 2)", "more than 64 bits"),
        ("copyIndex()", "'copyIndex' is not expected at this location"),
        ("cidrSubnet('10.0.0.0/24', 16, 0)", "not between 24 and 32"),
        ("cidrSubnet('10.0.0.0/24', 26, 4)", "has no subnet 4"),
        ("cidrHost('10.0.0.0/30', 2)", "has no host 2"),
        ("format('{1}', 'a')", "there is no argument with the index 1"),
        ("format('{x}', 'a')", "the format is invalid"),
        ("int('x')", "can't read the string as an integer"),
        ("base64ToString('%')", "is no base64"),
        ("createObject('a')", "expects an even number"),
        ("concat(createArray(1), 'a')", "Either all or none"),
        ("dateTimeAdd('x', 'P1D')", "not a valid ISO 8601 date"),
        ("dateTimeAdd('2020-01-01', '1D')", "no ISO 8601 duration"),
        ("fail('because')", "because"),
        ("filter(range(0, 1), lambda('i', 1))", "must give a boolean"),
        ("union(createArray(), createObject())", "only arrays or only objects"),
        ("range(0, 10001)", "from 0 to 10000"),
        ("managementGroup()", "is not expected at this location"),
    ],
)
def test_says_what_is_wrong(expression: str, said: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        value(expression)
    assert said in str(refused.value)


def test_loops_around_an_expression() -> None:
    scope = Scope(Around(), Around(), FUNCTIONS).inside("outer", 2).inside("inner", 5)
    assert resolved(
        "[createArray(copyIndex(), copyIndex(10), copyIndex('OUTER'), copyIndex('outer', 1))]", scope
    ) == [5, 15, 2, 3]
    found = resolved(
        {
            "copy": [{"name": "disks", "count": 2, "input": {"lun": "[copyIndex('disks')]"}}],
            "[concat('a', 1)]": 1,
        },
        scope,
    )
    assert found == {"disks": [{"lun": 0}, {"lun": 1}], "a1": 1}
    assert resolved({"copy": "a property"}, scope) == {"copy": "a property"}


TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)))


@given(TEXTS)
def test_encodings_agree_with_the_standard_library(text: str) -> None:
    literal = written(Literal(text))
    coded = base64.b64encode(text.encode()).decode()
    assert value(f"base64({literal})") == coded
    assert value(f"base64ToString('{coded}')") == text
    assert value(f"dataUriToString(dataUri({literal}))") == text
    assert value(f"uriComponent({literal})") == quote(text, safe="")
    assert value(f"uriComponentToString('{quote(text)}')") == unquote(quote(text))


@given(st.ip_addresses(), st.data())
def test_ranges_agree_with_ipaddress(address: Any, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    longer = data.draw(st.integers(length, min(length + 8, address.max_prefixlen)))
    index = data.draw(st.integers(0, (1 << (longer - length)) - 1))
    subnets = list(network.subnets(new_prefix=longer))
    assert value(f"cidrSubnet('{network}', {longer}, {index})") == str(subnets[index])
    parsed = value(f"parseCidr('{address}/{length}')")
    assert parsed["network"] == str(network.network_address)
    assert parsed["netmask"] == str(network.netmask)
    if network.num_addresses > 4:
        assert value(f"cidrHost('{network}', 1)") == str(network.network_address + 2)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**4), 10**4).filter(bool))
def test_quotient_and_remainder_belong_together(left: int, right: int) -> None:
    quotient, rest = value(f"div({left}, {right})"), value(f"mod({left}, {right})")
    assert quotient * right + rest == left
    assert abs(rest) < abs(right)


@given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, min_size=1, max_size=3))
def test_unique_strings_are_short_and_tell_inputs_apart(left: list[str], right: list[str]) -> None:
    one, two = (
        value(f"uniqueString({', '.join(written(Literal(x)) for x in each)})") for each in (left, right)
    )
    assert len(one) == 13
    assert set(one) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert (one == two) == ("-".join(left) == "-".join(right))
