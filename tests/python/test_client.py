"""The client for Python: rows of sets and BAQs as Python's own values, and mistakes told with what comes near."""

from __future__ import annotations

import datetime as dt
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from tap_epicor.kinetic import Kinetic, KineticError
from tap_epicor.kinetic.errors import BadRequest, NotFound, WrongPassword
from tap_epicor.kinetic.order import BrokenOrder
from tap_epicor.kinetic.pages import LostPlace, UnreadableRow
from tap_epicor.python.names import NoSuchName
from tap_epicor.python.values import ValueMismatch
from tests.equality import differences, stream_of
from tests.kinetic.stock import Stock
from tests.sandboxes import Sandbox, sandbox
from tests.scripted import Reply, Request, in_turn, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CUSTOMERS = "Erp.BO.CustomerSvc/Customers"
SETS = [
    CUSTOMERS,
    "Erp.BO.PartSvc/Parts",
    "Erp.BO.PartTranSvc/PartTrans",
    "Erp.BO.SalesOrderSvc/OrderDtls",
    "Ice.BO.UD01Svc/UD01s",
]
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])


def client(server: Sandbox, version: str = "v2", **settings: Any) -> Kinetic:
    own = {"company": "EPIC06", "user": "manager", "password": "manager", "api_key": server.api_key}
    return Kinetic(url=server.url, api_version=version, **{**own, **settings})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def texts() -> Iterator[Sandbox]:
    """A server that writes numbers as text and times without a zone."""
    with sandbox("--decimals", "string", "--int64", "string", "--zone", "none", scale=60) as running:
        yield running


CSDL = """<Edmx xmlns="http://docs.oasis-open.org/odata/ns/edmx"><DataServices><Schema Namespace="S">
<EntityType Name="Row"><Key><PropertyRef Name="Num"/></Key><Property Name="Num" Type="Edm.Int32"/>{more}</EntityType>
<EntityContainer Name="C"><EntitySet Name="As" EntityType="S.Row"/></EntityContainer></Schema>
</DataServices></Edmx>"""


def answering(answer: Callable[[Request], Reply], more: str = "") -> Callable[[Request], Reply]:
    """Answer with a description where that is asked for."""
    described = Reply(CSDL.format(more=more).encode())
    return lambda request: described if request.path.endswith("$metadata") else answer(request)


def of(url: str, **settings: Any) -> Kinetic:
    own = {"api_version": "v2", "company": "EPIC06", "user": "u", "password": "hush-hush", "api_key": "k"}
    return Kinetic(url=url, **{**own, **settings})


@VERSIONS
def test_rows_are_those_of_the_database_in_every_column(kinetic: Sandbox, version: str) -> None:
    reader = client(kinetic, version)
    copies = {stream_of(*name.split("/")): list(reader.rows(name)) for name in SETS}
    assert differences(kinetic.database, copies, ["EPIC06"]) == []


def test_rows_have_the_declared_types_however_the_server_writes_them(texts: Sandbox) -> None:
    (row, *_) = client(texts, "v1").rows(CUSTOMERS, select="CustNum,CreditLimit,SysRevID,CreditHold,EstDate")
    assert [type(value) for value in row.values()] == [int, Decimal, int, bool, str]


@VERSIONS
def test_a_decimal_is_one_also_where_no_places_came(kinetic: Sandbox, version: str) -> None:
    limits = [row["CreditLimit"] for row in client(kinetic, version).rows(CUSTOMERS, select="CreditLimit")]
    assert {type(limit) for limit in limits} == {Decimal}


@VERSIONS
def test_only_the_selected_columns_are_there_in_the_order_of_the_selection(kinetic: Sandbox, version: str) -> None:
    row = next(client(kinetic, version).rows(CUSTOMERS, select=["Name", "CustID"]))
    assert list(row) == ["Name", "CustID"]


@VERSIONS
def test_a_filter_is_sent_as_it_stands(kinetic: Sandbox, version: str) -> None:
    rows = client(kinetic, version).rows(CUSTOMERS, filter="CustNum gt 3 and CustNum le 6", select="CustNum")
    assert [row["CustNum"] for row in rows] == [4, 5, 6]


def test_a_set_without_a_key_is_read_by_skip(kinetic: Sandbox) -> None:
    kinetic.requests()
    rows = list(client(kinetic, page_size=5).rows("Erp.BO.CustomerSvc/List", select="CustNum"))
    assert sorted(row["CustNum"] for row in rows) == list(range(1, 13))
    assert any("$skip" in request["query"] for request in kinetic.requests())


def test_a_key_of_ones_own_takes_the_place_of_the_servers(kinetic: Sandbox) -> None:
    kinetic.requests()
    rows = list(client(kinetic, page_size=5).rows("Erp.BO.CustomerSvc/List", select="Name", key="CustNum"))
    assert len(rows) == 12
    assert list(rows[0]) == ["Name"]
    assert not any("$skip" in request["query"] for request in kinetic.requests())


def test_nothing_is_asked_before_the_first_read_and_a_service_is_described_once(kinetic: Sandbox) -> None:
    kinetic.requests()
    reader = client(kinetic)
    assert kinetic.requests() == []
    reader.rows(CUSTOMERS)
    reader.rows("Erp.BO.CustomerSvc/ShipToes")
    assert [request["path"].rsplit("/", 1)[1] for request in kinetic.requests()] == ["$metadata"]


def test_rows_are_asked_for_a_page_at_a_time() -> None:
    stock = Stock([{"Num": number} for number in range(100)])
    with serving(answering(stock.answer)) as server:
        rows = of(server.url, page_size=10).rows("Erp.BO.ASvc/As")
        assert stock.asked == []
        assert [row["Num"] for row in islice(rows, 10)] == list(range(10))
        assert len(stock.asked) == 1


def test_memory_does_not_grow_with_the_set() -> None:
    def peak(number: int) -> int:
        stock = Stock([{"Num": one, "Text": f"{one:05000}"} for one in range(number)])
        with serving(answering(stock.answer, '<Property Name="Text" Type="Edm.String"/>')) as server:
            rows = of(server.url, page_size=200).rows("Erp.BO.ASvc/As")
            tracemalloc.start()
            try:
                assert sum(1 for _ in rows) == number
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert peak(4000) < 2 * peak(600)


def test_reads_within_reads_do_not_wait_for_each_other() -> None:
    stock = Stock([{"Num": number} for number in range(8)])
    with serving(answering(stock.answer)) as server:
        reader = of(server.url, page_size=3, max_connections=1)
        pairs = [
            (one["Num"], other["Num"])
            for one in reader.rows("Erp.BO.ASvc/As", ordered=False)
            for other in reader.rows("Erp.BO.ASvc/As")
        ]
    assert len(set(pairs)) == 64


def slowly(stock: Stock, seen: list[int]) -> Callable[[Request], Reply]:
    """Answer after a while, and take note of how many requests wait."""
    waiting: list[Request] = []

    def answer(request: Request) -> Reply:
        waiting.append(request)
        seen.append(len(waiting))
        time.sleep(0.02)
        try:
            return stock.answer(request)
        finally:
            waiting.remove(request)

    return answer


def test_threads_may_share_a_read_and_each_row_is_taken_once() -> None:
    stock = Stock([{"Num": number} for number in range(300)])
    with serving(answering(slowly(stock, []))) as server, ThreadPoolExecutor() as pool:
        rows = of(server.url, page_size=10).rows("Erp.BO.ASvc/As")
        taken = pool.map(lambda _: [row["Num"] for row in rows], range(4))
        assert sorted(number for numbers in taken for number in numbers) == list(range(300))


def test_rows_that_need_no_order_are_read_in_ranges_each_once() -> None:
    stock, seen = Stock([{"Num": number} for number in range(300)]), list[int]()
    with serving(answering(slowly(stock, seen))) as server:
        numbers = [row["Num"] for row in of(server.url, page_size=10).rows("Erp.BO.ASvc/As", ordered=False)]
    assert sorted(numbers) == list(range(300))
    assert max(seen) > 2
    assert any(" le " in options.get("$filter", "") for options in stock.asked)


def test_rows_come_in_the_order_of_the_key_where_nothing_else_is_said() -> None:
    stock, seen = Stock([{"Num": number} for number in range(300)]), list[int]()
    with serving(answering(slowly(stock, seen))) as server:
        numbers = [row["Num"] for row in of(server.url, page_size=10).rows("Erp.BO.ASvc/As")]
    assert numbers == list(range(300))


def test_where_ranges_are_not_found_the_error_says_to_read_in_order() -> None:
    stock = Stock([{"Num": number} for number in range(300)], understands=lambda text: text.replace(" le ", " ge "))
    with serving(answering(slowly(stock, []))) as server:
        reader = of(server.url, page_size=10)
        with pytest.raises(LostPlace) as caught:
            list(reader.rows("Erp.BO.ASvc/As", ordered=False))
        assert "Read it again with ordered=True" in str(caught.value)
        assert len(list(reader.rows("Erp.BO.ASvc/As"))) == 300


def test_a_read_that_is_left_gives_its_connections_back() -> None:
    stock = Stock([{"Num": number} for number in range(400)])
    with serving(answering(slowly(stock, []))) as server:
        reader = of(server.url, page_size=10)
        free = reader._client.readers.free
        rows = reader.rows("Erp.BO.ASvc/As", ordered=False)
        next(rows)
        assert reader._client.readers.free == free - 1
        assert len(list(islice(rows, 100))) == 100
        assert reader._client.readers.free == 0
        del rows
        ends = time.monotonic() + 10
        while reader._client.readers.free < free and time.monotonic() < ends:
            time.sleep(0.02)
        assert reader._client.readers.free == free


def test_an_error_in_the_middle_is_raised_after_the_rows_before_it() -> None:
    stock = Stock([{"Num": number} for number in range(30)], poison=frozenset({17}), hides_keys=True)
    with serving(answering(stock.answer)) as server:
        rows = of(server.url, page_size=10).rows("Erp.BO.ASvc/As")
        assert [row["Num"] for row in islice(rows, 17)] == list(range(17))
        with pytest.raises(UnreadableRow, match="Num 16"):
            next(rows)


def test_a_row_that_can_not_be_read_is_left_out_where_the_settings_say_so(caplog: pytest.LogCaptureFixture) -> None:
    stock = Stock([{"Num": number} for number in range(30)], poison=frozenset({17}))
    with serving(answering(stock.answer)) as server:
        rows = of(server.url, page_size=10, unreadable_rows="skip").rows("Erp.BO.ASvc/As")
        assert [row["Num"] for row in rows] == [number for number in range(30) if number != 17]
    assert "left out" in caplog.text


def test_rows_that_contradict_the_request_are_an_error() -> None:
    replies = in_turn(Reply({"value": [{"Num": 1}, {"Num": 1}]}))
    with serving(answering(replies)) as server, pytest.raises(BrokenOrder, match="comes twice"):
        list(of(server.url).rows("Erp.BO.ASvc/As"))


def test_a_value_of_another_type_is_told_with_its_row() -> None:
    replies = in_turn(Reply({"value": [{"Num": 1, "Big": 5}, {"Num": 2, "Big": "much"}]}))
    with serving(answering(replies, '<Property Name="Big" Type="Edm.Int64"/>')) as server:
        with pytest.raises(ValueMismatch) as caught:
            list(of(server.url).rows("Erp.BO.ASvc/As"))
        assert "Leave the column out by `select`" in str(caught.value)
        assert "Erp.BO.ASvc/As: the column Big, declared as Edm.Int64, holds 'much' in the row with Num 2" in str(
            caught.value
        )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Edm.Boolean", "false"),
        ("Edm.Boolean", 0),
        ("Edm.String", 5),
        ("Edm.DateTimeOffset", 1609459200),
        ("Collection(Edm.String)", "many"),
        ("S.Part", "none"),
    ],
)
def test_a_value_of_another_type_is_no_row_and_no_page(kind: str, value: object) -> None:
    replies = in_turn(Reply({"value": [{"Num": 1, "Odd": value}]}), Reply({"value": [{"Num": 1, "Odd": value}]}))
    odd = f'<Property Name="Odd" Type="{kind}"/>'
    part = '<ComplexType Name="Part"><Property Name="X" Type="Edm.Int32"/></ComplexType>'
    more = f'{odd}</EntityType>{part}<EntityType Name="Other">'
    with serving(answering(replies, more)) as server:
        read = of(server.url).rows("Erp.BO.ASvc/As")
        for taking in (read, read.pages()):
            with pytest.raises(ValueMismatch, match=r"column Odd, declared as .* in the row with Num 1"):
                next(taking)


def test_a_column_that_comes_in_other_letters_is_an_error() -> None:
    replies = in_turn(Reply({"value": [{"Num": 1, "BIG": 5}]}))
    big = '<Property Name="Big" Type="Edm.Int64"/>'
    with serving(answering(replies, big)) as server, pytest.raises(ValueMismatch, match="column Big comes as 'BIG'"):
        list(of(server.url).rows("Erp.BO.ASvc/As"))


def test_columns_that_are_not_as_declared_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    answers = [{"Num": number, "New_c": 1, "@odata.etag": "x"} for number in range(8)]
    stock = Stock(answers)
    with serving(answering(stock.answer, '<Property Name="Big" Type="Edm.Int64"/>')) as server:
        rows = list(of(server.url, page_size=3).rows("Erp.BO.ASvc/As"))
    assert rows == [{"Num": number, "Big": None} for number in range(8)]
    assert [record.message.split(": ", 1)[1] for record in caplog.records] == [
        "no row of a page has columns that the server declares, which are None: Big.",
        "rows have columns that the server does not declare, which are left out: 'New_c'.",
    ]


@VERSIONS
def test_a_baq_takes_its_parameters_as_arguments(kinetic: Sandbox, version: str) -> None:
    reader = client(kinetic, version)
    every = {row["PartBin_PartNum"] for row in reader.baq("zPartBin", CurrentPlant="MfgSys")}
    some = sorted(every)[:2]
    rows = reader.baq("zPartBin", CurrentPlant="MfgSys", PartNum=some)
    assert {row["PartBin_PartNum"] for row in rows} == set(some)


def test_a_baqs_parameters_are_written_as_kinetic_reads_them(kinetic: Sandbox) -> None:
    reader = client(kinetic)
    kinetic.requests()
    list(reader.baq("GLDetail", FromDate=dt.date(2020, 1, 31), Posted=True, Year=None))
    (first, *_) = [one["query"] for one in kinetic.requests() if "GLDetail/Data" in one["path"]]
    assert "FromDate=2020-01-31&Posted=true&" in first
    assert "&Year=" not in first


@pytest.mark.parametrize("value", [{"00C-000019"}, (part for part in ["00C-000019"]), {"a": 1}, b"00C-000019", [["a"]]])
def test_a_parameter_that_is_neither_a_value_nor_a_list_is_refused(kinetic: Sandbox, value: object) -> None:
    with pytest.raises(KineticError, match=r"no value for PartNum. Give one value, or a list of them"):
        client(kinetic).baq("zPartBin", CurrentPlant="MfgSys", PartNum=value)


def test_parameters_whose_names_are_arguments_are_given_in_one(kinetic: Sandbox) -> None:
    rows = client(kinetic).baq("zPartBin", parameters={"CurrentPlant": "MfgSys"}, filter="PartBin_BinNum eq '08-01'")
    assert {row["PartBin_BinNum"] for row in rows} == {"08-01"}


def test_a_baq_with_a_key_is_read_by_it_and_has_no_counter(kinetic: Sandbox) -> None:
    reader = client(kinetic, page_size=5)
    kinetic.requests()
    rows = list(reader.baq("zCustomer01", key="Customer_CustNum", ordered=False))
    assert [row["Customer_CustNum"] for row in rows] == list(range(1, 13))
    assert "RowIdent" not in rows[0]
    assert not any("$skip" in one["query"] or "$count" in one["query"] for one in kinetic.requests())


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda reader: reader.rows("Erp.BO.CustomerSvc/Custmers"),
            "Erp.BO.CustomerSvc has no entity set 'Custmers'. Did you mean 'Customers'?",
        ),
        (
            lambda reader: reader.rows("Erp.BO.CustmerSvc/Customers"),
            "there is no service 'Erp.BO.CustmerSvc'. Did you mean 'Erp.BO.CustomerSvc'",
        ),
        (lambda reader: reader.rows("Customers"), "Write service and set, such as Erp.BO.CustomerSvc/Customers."),
        (lambda reader: reader.rows("Erp.BO.CustomerSvc"), "none of its sets. There is Customers, ShipToes, "),
        (lambda reader: reader.rows("BaqSvc/zPartBin"), "is a BAQ. Read it by baq('zPartBin')."),
        (lambda reader: reader.rows(CUSTOMERS, select="Nmae"), "no column 'Nmae' (`select`). Did you mean 'Name'"),
        (lambda reader: reader.rows(CUSTOMERS, key="custnum"), "no column 'custnum' (`key`). Did you mean 'CustNum'"),
        (lambda reader: reader.baq("zPartbin"), "there is no BAQ 'zPartbin'. Did you mean 'zPartBin'?"),
        (
            lambda reader: reader.baq("zPartBin", Currentplant="x"),
            "the BAQ zPartBin has no parameter 'Currentplant'. Did you mean 'CurrentPlant'?",
        ),
    ],
)
def test_a_name_that_there_is_not_is_told_with_those_that_come_near(
    kinetic: Sandbox, ask: Callable[[Kinetic], object], said: str
) -> None:
    with pytest.raises(NoSuchName) as caught:
        ask(client(kinetic))
    assert said in str(caught.value)


def test_a_parameter_that_a_baq_wants_is_asked_for(kinetic: Sandbox) -> None:
    with pytest.raises(KineticError) as caught:
        client(kinetic).baq("zPartBin")
    assert str(caught.value) == (
        "the BAQ zPartBin wants a value for CurrentPlant. Give it as an argument: baq('zPartBin', CurrentPlant=…)."
    )


def test_a_service_that_is_not_found_though_listed_is_what_the_server_says() -> None:
    def answer(request: Request) -> Reply:
        return Reply(["Erp.BO.ASvc"]) if "helppage" in request.path else Reply(status=404)

    with serving(answer) as server, pytest.raises(NotFound):
        of(server.url).rows("Erp.BO.ASvc/As")


def test_a_wrong_password_is_told_as_the_tap_tells_it(kinetic: Sandbox) -> None:
    with pytest.raises(WrongPassword, match="Check `user` and `password`") as caught:
        client(kinetic, password="hush-hush").rows(CUSTOMERS)
    assert "hush-hush" not in str(caught.value)


def test_a_filter_that_the_server_does_not_take_is_an_error(kinetic: Sandbox) -> None:
    with pytest.raises(BadRequest, match="Could not find a property named 'Nam'"):
        list(client(kinetic).rows(CUSTOMERS, filter="Nam eq 5"))
