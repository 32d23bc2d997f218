"""Prices that an operator sets: estimates, budgets, and costs of a server that lists none."""

import pytest
from django.test import Client
from django.urls import reverse

from management.models import (
    AuditEntry,
    Budget,
    Charge,
    Connection,
    CostDay,
    OverBudget,
    Price,
    PriceList,
    Request,
    Reservation,
    User,
    Work,
)
from management.models.budgets import estimate, reserve, settle
from management.sync.runs import sync
from tests.management.conftest import day, request

LISTEN, SPEAK, READ = "/v1/listen?model=nova-3", "/v1/speak?model=aura-2-thalia-en", "/v1/read"


@pytest.fixture
def prices(project) -> None:
    rows = (("batch", "", 0.2), ("batch", "nova-3", 0.3), ("streaming", "", 0.6))
    for charge, model, dollars in (*rows, ("speak", "aura-2", 0.03), ("read", "", 0.5)):
        Price.objects.create(
            connection=project.connection, charge=charge, model=model, dollars=dollars
        )


@pytest.mark.parametrize(
    ("model", "price"),
    [("nova-3", 3.0), ("nova-3-medical", 3.0), ("nova-2", 2.0), ("nova-30", 2.0), ("", 2.0)],
)
def test_the_price_of_the_longest_name_holds(model, price):
    listed = PriceList({("batch", ""): 2.0, ("batch", "nova-3"): 3.0})
    assert listed.unit_price("batch", model) == price
    assert listed.unit_price("speak", model) is None


@pytest.mark.parametrize(
    ("work", "dollars"),
    [
        (Work(Charge.BATCH, "nova-3", seconds=7200), 0.6),
        (Work(Charge.STREAMING, "nova-3", seconds=600), 0.1),
        (Work(Charge.SPEAK, "aura-2-thalia-en", characters=2000), 0.06),
        (Work(Charge.SPEAK, "another", characters=2000), 0.0),
        (Work(Charge.READ, tokens=500), 0.25),
        (Work(Charge.AGENT, seconds=3600), 0.0),
    ],
)
def test_each_kind_of_work_has_its_price(work, dollars, project, prices):
    assert estimate(project, work) == pytest.approx(dollars)


def test_budgets_count_by_the_prices(project, prices):
    Budget.objects.create(project=project, dollars=0.1, hour_price=99)
    reserve(project, "speech:1", Work(Charge.SPEAK, "aura-2-thalia-en", characters=3000))
    with pytest.raises(OverBudget, match=r"this needs about \$0\.03"):
        reserve(project, "speech:2", Work(Charge.SPEAK, "aura-2-thalia-en", characters=1000))


def filled(account) -> None:
    """Requests of an engine whose log lists no costs."""

    def details(**facts) -> dict:
        return {"details": {"dollars": 0.0, "tags": ["project:1"], **facts}}

    account.log = [
        request(1, path=LISTEN, response=details(duration=3600.0, method="sync")),
        request(2, path=LISTEN, response=details(channel_duration=7200.0, duration=3600.0)),
        request(3, path=LISTEN, response=details(duration=600.0, method="streaming")),
        request(4, path=SPEAK, response=details(characters=1000)),
        request(5, path=READ, response=details(tokens_in=900, tokens_out=100)),
        request(6, path=LISTEN, code=400, response=details(duration=3600.0)),
    ]
    account.costs = {"": [day("2026-11-20", dollars=0.0)]}


def test_requests_are_charged_by_the_prices_of_a_server_that_lists_none(project, prices, account):
    filled(account)
    assert sync(project.connection)
    charged = Request.objects.order_by("request_id").values_list("dollars", flat=True)
    assert list(charged) == pytest.approx([0.3, 0.6, 0.1, 0.03, 0.5, 0.0])
    days = CostDay.objects.filter(project=project)
    assert days.get(grouping="").dollars == pytest.approx(1.53)
    items = dict(days.filter(grouping="line_item").values_list("value", "dollars"))
    assert items == pytest.approx(
        {
            "batch::nova-3": 0.9,
            "streaming::nova-3": 0.1,
            "speak::aura-2-thalia-en": 0.03,
            "read::unknown": 0.5,
        }
    )
    assert days.get(grouping="tags").value == '["project:1"]'
    assert "/billing/breakdown" not in "".join(account.paths)


def test_the_costs_of_the_ledger_take_the_place_of_reservations(project, prices, account):
    budget = Budget.objects.create(project=project, dollars=10)
    reserve(project, "job:1", Work(Charge.BATCH, "nova-3", seconds=3600))
    settle("job:1")
    filled(account)
    assert sync(project.connection)
    assert not Reservation.objects.exists()
    CostDay.objects.filter(grouping="").update(day=budget.first_day)
    assert budget.spent() == pytest.approx(1.53)


def test_what_ends_during_a_sync_stays_reserved_until_the_next(project, prices, account):
    Budget.objects.create(project=project, dollars=10)
    reserve(project, "job:1", Work(Charge.BATCH, "nova-3", seconds=3600))

    def settled_meanwhile(_):
        settle("job:1")

    account.fails["/members"] = settled_meanwhile
    filled(account)
    assert sync(project.connection)
    assert Reservation.objects.exists()
    del account.fails["/members"]
    assert sync(project.connection)
    assert not Reservation.objects.exists()


def test_deepgram_charges_itself(project, prices, account):
    Connection.objects.update(kind=Connection.Kind.HOSTED)
    account.log = [request(1)]
    account.costs = {"": [day("2026-11-20", dollars=7.0)]}
    assert sync(Connection.objects.get())
    assert Request.objects.get().dollars == 0.01
    assert CostDay.objects.get(grouping="").dollars == 7.0


def test_a_new_price_is_for_later_requests(project, prices, account):
    filled(account)
    sync(project.connection)
    Price.objects.update(dollars=100)
    sync(project.connection)
    assert CostDay.objects.get(grouping="").dollars == pytest.approx(1.53)


# The page.


@pytest.mark.slow
def test_an_administrator_sets_changes_and_removes_a_price(project):
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.test", "pw"))
    fields = {"connection": project.connection_id, "charge": "batch", "model": "Nova-3"}
    assert client.post(reverse("prices"), fields | {"dollars": "0.26"}).status_code == 302
    assert client.post(reverse("prices"), fields | {"dollars": "0.4"}).status_code == 302
    price = Price.objects.get()
    assert (price.model, price.dollars) == ("nova-3", 0.4)
    text = client.get(reverse("prices")).content.decode()
    assert "nova-3" in text
    assert "an hour of audio" in text
    client.post(reverse("price_remove", args=[price.pk]))
    assert not Price.objects.exists()
    entries = AuditEntry.objects.filter(action="price_changed").order_by("pk")
    assert [entry.details.get("dollars") for entry in entries] == [0.26, 0.4, None]


@pytest.mark.parametrize("facts", [{"dollars": "-1"}, {"dollars": "nan"}, {"charge": "air"}])
@pytest.mark.slow
def test_a_price_that_cannot_be_is_not_set(facts, project):
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.test", "pw"))
    fields = {"connection": project.connection_id, "charge": "batch", "dollars": "1"}
    assert client.post(reverse("prices"), fields | facts).status_code == 422
    assert not Price.objects.exists()
