import json, pytest
from tests.test_url_matrix import *
from tests.test_url_matrix import addresses, ask, at, jar, SimpleCookie
from tests.staff.conftest import member
from tests.url_matrix import ACTORS
pytestmark = pytest.mark.django_db
def test_gen(world):
    rows={}
    for actor in ACTORS:
        seated=at(actor, world); kept=jar(seated)
        for name,path in addresses(world):
            for i,m in enumerate(("get","post")):
                seated.cookies=SimpleCookie(kept)
                s,t=ask(seated,m,path)
                rows.setdefault(name,["",""])[i]+=s
                if t and (m=="get" or s in "LUD345"): print("WRITES",actor,m,name,s,t)
                if s=="!":print("!!",actor,m,name,path)
    json.dump(rows,open("/tmp/k/rows.json","w"),indent=0)
for k in list(globals()):
    if k.startswith("test_") and k!="test_gen": del globals()[k]
