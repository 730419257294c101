import pytest
from audit.actor import acting_as, because
from tests.audit.conftest import *
from tests.audit.pages import *
from policies.models import Policy, PolicyVersion

@pytest.mark.django_db(transaction=True)
def test_shot(live_server, officer, reader, browser_path):
    from playwright.sync_api import sync_playwright
    import os
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]="1"
    with acting_as(f"officer:{reader.pk}"), because("register_corrected"):
        v = PolicyVersion.objects.create(policy=Policy.objects.create(code="main", title_ru="П"), number=1, change_summary_ru=" ".join(f"слово{n}" for n in range(80)))
        v.change_summary_ru = v.change_summary_ru.replace("слово40 ", "другое слово ").replace("слово70", "")
        v.significant = True
        v.save()
    from django.test import Client
    c = Client(); c.force_login(reader)
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        ctx = b.new_context(viewport={"width":1100,"height":900}, locale="ru")
        ctx.add_cookies([{"name":"sessionid","value":c.cookies["sessionid"].value,"url":live_server.url}])
        pg = ctx.new_page()
        msgs=[]; pg.on("console", lambda m: msgs.append(m.text))
        pg.goto(live_server.url + f"/admin/policies/policyversion/{v.pk}/history/")
        pg.screenshot(path="/tmp/k/shot/h.png", full_page=True)
        print(msgs); b.close()
