"""The officers' pages of campaigns and letters: what they show, to whom, at what cost, and what nobody may do there."""

from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from notifications import delivery
from notifications.enums import CampaignState, Delivery, LetterState, SkipReason
from notifications.models import Campaign, DeliveryEvent, Letter
from subjects.enums import Standing
from tests.notifications.factories import LetterFactory, campaign_to
from tests.staff.factories import StaffUserFactory, as_officer, permit
from tests.subjects.factories import DataSubjectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sample", "operator")]

LOOK = ("notifications.view_campaign", "notifications.view_letter", "notifications.view_deliveryevent")
RUN, REQUEUE = "notifications.run_campaign", "notifications.requeue_letter"


def signed_in(*permissions: str, **kwargs) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.officer = permit(StaffUserFactory(**kwargs), *permissions)
    client.force_login(client.officer)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def dpo() -> Client:
    return signed_in(*LOOK, RUN, REQUEUE)


@pytest.fixture
def auditor() -> Client:
    return signed_in(*LOOK)


def page(campaign: Campaign) -> str:
    return reverse("admin:notifications_campaign_change", args=[campaign.pk])


def act(campaign: Campaign, name: str) -> str:
    return reverse("admin:notifications_campaign_act", args=[campaign.pk, name])


def text_of(response) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def half_sent() -> Campaign:
    """10 letters: kk 4 sent and 2 queued, ru 1 failed, 1 uncertain and 2 skipped."""
    people = [DataSubjectFactory(language="kk", email=f"secret{n}@example.kz") for n in range(6)]
    people += [DataSubjectFactory(language="ru") for _ in range(4)]
    campaign = campaign_to(people)
    campaign.audience = {"queued": 10, "no_address": 2, "left_out": {"deceased": 3, "minor": 1}}
    campaign.save()
    ids = list(campaign.letters.order_by("pk").values_list("pk", flat=True))
    now = timezone.now()
    for number, pk in enumerate(ids[:4]):
        Letter.objects.filter(pk=pk).update(state="sent", done_at=now - timedelta(seconds=60 - 20 * number))
    Letter.objects.filter(pk=ids[6]).update(state="failed", done_at=now)
    Letter.objects.filter(pk=ids[7]).update(state="uncertain", done_at=now)
    Letter.objects.filter(pk__in=ids[8:]).update(state="skipped", skip_reason=SkipReason.NO_ADDRESS, done_at=now)
    return campaign


# what the campaign's page tells


def test_progress_counts_rate_and_expected_end(dpo):
    html = text_of(dpo.get(page(half_sent())))
    assert '<progress value="8" max="10"' in html
    assert "<strong>8 of 10</strong>" in html
    assert "about 4 a minute" in html
    assert "Expected end:" in html
    assert "stalled" not in html


def test_every_count_leads_to_exactly_the_letters_it_counts(dpo):
    campaign = half_sent()
    LetterFactory(subject=DataSubjectFactory(), state=LetterState.SENT)  # of no campaign
    listing = reverse("admin:notifications_letter_changelist")
    html = text_of(dpo.get(page(campaign)))
    for query, count in (
        (f"campaign__id={campaign.pk}&state__exact=sent", 4),
        (f"campaign__id={campaign.pk}&state__exact=queued", 2),
        (f"campaign__id={campaign.pk}&state__exact=uncertain", 1),
        (f"campaign__id={campaign.pk}&state__exact=skipped&language__exact=ru", 2),
        (f"campaign__id={campaign.pk}&state__exact=sent&language__exact=kk", 4),
    ):
        assert f'<a href="{escape(listing + "?" + query)}">{count}</a>' in html
        answer = dpo.get(f"{listing}?{query}")
        assert text_of(answer).count('class="field-number"') == count


def test_who_did_not_get_it_those_to_decide_about_first_and_the_left_out_apart(dpo):
    campaign = half_sent()
    html = text_of(dpo.get(page(campaign)))
    part = html[html.index("Who did not get it") :]
    assert part.index("uncertain") < part.index("failed") < part.index("skipped")
    assert part.count("no e-mail") == 2
    assert "4 people are left out because of their standing." in part
    assert f"<li>{Standing.DECEASED.label}: 3</li>" in part
    uncertain = campaign.letters.get(state="uncertain")
    assert f'<td><a href="{reverse("admin:notifications_letter_change", args=[uncertain.pk])}">' in part
    assert str(uncertain.subject) in part


def test_no_page_about_letters_holds_personal_data(dpo, sink):
    campaign = half_sent()
    letter = campaign.letters.filter(state="sent").first()
    sink.respond = lambda rcpt: f"550 5.1.1 <{rcpt}> is unknown here"
    outbox_letter = LetterFactory(subject=DataSubjectFactory(email="secret99@example.kz"))
    delivery.deliver_due()
    for url in (
        page(campaign),
        reverse("admin:notifications_campaign_changelist"),
        reverse("admin:notifications_letter_changelist"),
        reverse("admin:notifications_letter_change", args=[letter.pk]),
        reverse("admin:notifications_letter_change", args=[outbox_letter.pk]),
        reverse("admin:notifications_campaign_preview", args=[campaign.pk, "kk"]),
    ):
        html = text_of(dpo.get(url))
        assert "secret" not in html, url
        assert "example.kz" not in html.replace("office@example.kz", ""), url


def test_a_running_campaign_that_sent_nothing_for_minutes_is_stalled_and_says_what_the_server_said(dpo):
    campaign = half_sent()
    campaign.letters.filter(state="sent").update(done_at=timezone.now() - timedelta(minutes=10))
    letter = campaign.letters.filter(state="queued").first()
    DeliveryEvent.objects.create(letter=letter, kind=Delivery.DEFERRED, code=554, answer="5.7.1 relay access denied")
    html = text_of(dpo.get(page(campaign)))
    assert "stalled: nothing has left for minutes" in html
    assert "The mail server last said: 554 5.7.1 relay access denied" in html


def test_the_page_looks_again_by_itself_only_while_letters_are_leaving(dpo):
    campaign = half_sent()
    running = text_of(dpo.get(page(campaign)))
    assert "notifications/live.js" in running
    assert "data-running" in running
    assert finders.find("notifications/live.js")
    dpo.post(act(campaign, "pause"))
    paused = text_of(dpo.get(page(campaign)))
    assert "live.js" not in paused
    assert "data-running" not in paused


def test_its_cost_does_not_grow_with_the_letters(dpo, django_assert_max_num_queries):
    small, large = campaign_to([DataSubjectFactory()]), half_sent()
    with django_assert_max_num_queries(15) as few:
        dpo.get(page(small))
    with django_assert_max_num_queries(15) as many:
        dpo.get(page(large))
    assert len(few) == len(many)


def test_the_lists_cost_the_same_for_one_row_and_for_many(dpo, django_assert_max_num_queries):
    for name in ("campaign", "letter"):
        url = reverse(f"admin:notifications_{name}_changelist")
        half_sent()
        with django_assert_max_num_queries(12) as few:
            dpo.get(url)
        half_sent(), half_sent()
        with django_assert_max_num_queries(12) as many:
            dpo.get(url)
        assert len(few) == len(many), name


# what may be done there


def test_pause_and_resume(dpo):
    campaign = half_sent()
    assert dpo.post(act(campaign, "pause")).url == page(campaign)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.paused_by) == (CampaignState.PAUSED, dpo.officer)
    html = text_of(dpo.get(page(campaign)))
    assert dpo.officer.username in html
    assert "nobody who has the letter gets it again" in html
    dpo.post(act(campaign, "resume"))
    campaign.refresh_from_db()
    assert (campaign.state, campaign.paused_by) == (CampaignState.RUNNING, None)
    assert [row.actor for row in campaign.history.all()[:2]] == [f"officer:{dpo.officer.pk}"] * 2


def test_cancelling_is_asked_once_more_with_its_consequences_and_then_final(dpo):
    campaign = half_sent()
    html = text_of(dpo.get(act(campaign, "cancel")))
    assert "2 people will not get this letter." in html
    assert "4 letters have left already and cannot be called back." in html
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.RUNNING
    assert dpo.post(act(campaign, "cancel")).url == page(campaign)
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CANCELLED
    assert campaign.letters.filter(skip_reason=SkipReason.CANCELLED).count() == 2
    assert act(campaign, "resume") not in text_of(dpo.get(page(campaign)))
    refused = text_of(dpo.post(act(campaign, "resume"), follow=True))
    assert "this step does nothing" in refused
    assert dpo.get(act(campaign, "cancel")).url == page(campaign)


def test_a_second_officer_who_pauses_what_is_paused_is_told(dpo):
    campaign = half_sent()
    dpo.post(act(campaign, "pause"))
    html = text_of(signed_in(*LOOK, RUN).post(act(campaign, "pause"), follow=True))
    assert "The campaign is “paused”" in html
    campaign.refresh_from_db()
    assert campaign.paused_by == dpo.officer


def test_a_look_by_get_changes_nothing(dpo):
    campaign = half_sent()
    for url in (
        act(campaign, "pause"),
        act(campaign, "cancel"),
        reverse("admin:notifications_campaign_test", args=[campaign.pk]),
        reverse("admin:notifications_requeue", args=[campaign.letters.get(state="uncertain").pk]),
    ):
        assert dpo.get(url).status_code in (200, 302)
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.RUNNING
    assert campaign.letters.filter(state="uncertain").count() == 1
    assert not Letter.objects.filter(staff__isnull=False).exists()


def test_a_test_letter_is_queued_to_the_officer_in_the_language_asked_for(dpo):
    campaign = half_sent()
    url = reverse("admin:notifications_campaign_test", args=[campaign.pk])
    html = text_of(dpo.post(url, {"language": "ru"}, follow=True))
    assert "The test letter is on its way to your e-mail." in html
    letter = Letter.objects.get(staff=dpo.officer)
    assert (letter.language, letter.campaign) == ("ru", None)


def test_an_officer_without_an_email_is_told_why_no_test_letter_goes():
    officer = signed_in(*LOOK, RUN, email="")
    url = reverse("admin:notifications_campaign_test", args=[half_sent().pk])
    assert "You have no e-mail in your account" in text_of(officer.post(url, {"language": "ru"}, follow=True))


def test_an_uncertain_letter_is_sent_again_from_its_page_by_name(dpo):
    letter = half_sent().letters.get(state="uncertain")
    its_page = reverse("admin:notifications_letter_change", args=[letter.pk])
    assert "the reader may have the letter already" in text_of(dpo.get(its_page))
    dpo.post(reverse("admin:notifications_requeue", args=[letter.pk]))
    letter.refresh_from_db()
    assert letter.state == LetterState.QUEUED
    html = text_of(dpo.get(its_page))
    assert "queued again by an officer" in html
    assert dpo.officer.username in html
    again = text_of(dpo.post(reverse("admin:notifications_requeue", args=[letter.pk]), follow=True))
    assert "Only a letter whose delivery is uncertain can be sent again." in again


# the preview


def test_the_preview_may_stand_in_our_own_frame_and_no_other_page_may(dpo):
    campaign = half_sent()
    answer = dpo.get(reverse("admin:notifications_campaign_preview", args=[campaign.pk, "kk"]))
    assert "Сәлем" in text_of(answer)
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    directives = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert directives["frame-ancestors"] == "'self'"
    assert directives["script-src"] == "'self'"
    around = dpo.get(page(campaign))
    assert around["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in around["Content-Security-Policy"]
    assert 'sandbox=""' in text_of(around)


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_there_is_a_preview_in_each_language(dpo, language):
    url = reverse("admin:notifications_campaign_preview", args=[half_sent().pk, language])
    assert url in text_of(dpo.get(page(Campaign.objects.get())))
    assert dpo.get(url).status_code == 200


# who may not, and what leads nowhere


def test_who_may_only_look_finds_no_button_and_no_way_around_it(auditor):
    campaign = half_sent()
    letter = campaign.letters.get(state="uncertain")
    html = text_of(auditor.get(page(campaign)))
    for name in ("pause", "resume", "cancel"):
        assert act(campaign, name) not in html
        assert auditor.post(act(campaign, name)).status_code == 403
    test = reverse("admin:notifications_campaign_test", args=[campaign.pk])
    assert test not in html
    assert auditor.post(test, {"language": "kk"}).status_code == 403
    requeue = reverse("admin:notifications_requeue", args=[letter.pk])
    assert requeue not in text_of(auditor.get(reverse("admin:notifications_letter_change", args=[letter.pk])))
    assert auditor.post(requeue).status_code == 403
    campaign.refresh_from_db(), letter.refresh_from_db()
    assert (campaign.state, letter.state) == (CampaignState.RUNNING, LetterState.UNCERTAIN)


def test_staff_without_the_right_to_look_get_403_everywhere_and_strangers_the_sign_in():
    campaign = half_sent()
    letter = campaign.letters.first()
    urls = [
        page(campaign),
        act(campaign, "cancel"),
        reverse("admin:notifications_campaign_changelist"),
        reverse("admin:notifications_campaign_history", args=[campaign.pk]),
        reverse("admin:notifications_campaign_preview", args=[campaign.pk, "kk"]),
        reverse("admin:notifications_campaign_test", args=[campaign.pk]),
        reverse("admin:notifications_letter_changelist"),
        reverse("admin:notifications_letter_change", args=[letter.pk]),
        reverse("admin:notifications_requeue", args=[letter.pk]),
    ]
    nobody, stranger = signed_in(), Client()
    for url in urls:
        assert nobody.get(url).status_code == 403, url
        assert nobody.post(url).status_code == 403, url
        assert stranger.get(url).url.startswith(reverse("admin:login")), url


@pytest.mark.parametrize(
    "path",
    [
        "campaign/999999/change/",
        "campaign/abc/change/",
        "campaign/99999999999999999999/change/",
        "campaign/{campaign}/explode/act/",
        "campaign/999999/pause/act/",
        "campaign/{campaign}/preview/de/",
        "campaign/999999/preview/kk/",
        "campaign/999999/test/",
        "letter/999999/change/",
        "letter/abc/change/",
        "letter/999999/requeue/",
        "campaign/999999/history/",
        "letter/{letter}/history/",
    ],
)
def test_what_is_not_there_is_a_404(dpo, path):
    campaign = half_sent()
    url = "/admin/notifications/" + path.format(campaign=campaign.pk, letter=campaign.letters.first().pk)
    assert dpo.get(url).status_code == 404
    assert dpo.post(url).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("campaign__id=abc", 302),
        ("campaign__id=99999999999999999999", 200),
        ("before=x", 302),
        ("kind=nothing", 200),
        ("state__exact=nonsense", 200),
        ("subject__search_keys__hint__startswith=a", 400),
        ("cause__startswith=policies", 400),
    ],
)
def test_a_strange_question_to_the_list_is_never_a_500(dpo, query, status):
    half_sent()
    assert dpo.get(reverse("admin:notifications_letter_changelist") + "?" + query).status_code == status


def test_a_language_nobody_writes_in_is_a_400(dpo):
    url = reverse("admin:notifications_campaign_test", args=[half_sent().pk])
    assert dpo.post(url, {"language": "de"}).status_code == 400
    assert dpo.post(url).status_code == 400


def test_a_campaign_of_a_kind_nobody_knows_any_more_can_still_be_read(dpo):
    campaign = half_sent()
    Campaign.objects.filter(pk=campaign.pk).update(kind="forgotten")
    html = text_of(dpo.get(page(campaign)))
    assert f"<h1>Campaign № {campaign.pk}</h1>" in html
    assert '<p class="version-name">Forgotten</p>' in html
    assert dpo.get(reverse("admin:notifications_campaign_preview", args=[campaign.pk, "kk"])).status_code == 404


def test_letters_are_found_by_kind_and_campaigns_by_state(dpo):
    half_sent()
    letters = reverse("admin:notifications_letter_changelist")
    assert text_of(dpo.get(letters + "?kind=sample")).count('class="field-number"') == 10
    assert text_of(dpo.get(letters + "?kind=sign_in_code")).count('class="field-number"') == 0
    campaigns = reverse("admin:notifications_campaign_changelist")
    assert text_of(dpo.get(campaigns + "?state__exact=running")).count('class="field-number"') == 1
    assert text_of(dpo.get(campaigns + "?state__exact=paused")).count('class="field-number"') == 0


def test_the_history_of_a_campaign_tells_who_paused_it(dpo):
    campaign = half_sent()
    dpo.post(act(campaign, "pause"))
    html = text_of(dpo.get(reverse("admin:notifications_campaign_history", args=[campaign.pk])))
    assert dpo.officer.username in html
    assert "running" in html
    assert "paused" in html


def test_nothing_is_added_changed_or_deleted_by_hand(dpo):
    campaign = half_sent()
    letter = campaign.letters.first()
    with as_officer(dpo.officer):
        for name, pk in (("campaign", campaign.pk), ("letter", letter.pk)):
            assert dpo.get(f"/admin/notifications/{name}/add/").status_code == 403
            assert dpo.post(f"/admin/notifications/{name}/{pk}/delete/").status_code == 403
            dpo.post(f"/admin/notifications/{name}/{pk}/change/", {"state": "sent", "cause": "x"})
    campaign.refresh_from_db(), letter.refresh_from_db()
    assert (campaign.state, letter.state) == (CampaignState.RUNNING, LetterState.SENT)
    assert campaign.cause.startswith("tests.Sample")
