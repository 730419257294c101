"""What this app shows on the cabinet's home: links to the person's own pages."""

from django.utils.translation import gettext_lazy as _

from subjects import cabinet

cabinet.LINKS += [
    cabinet.Link(5, "cabinet:data", _("My data")),
    cabinet.Link(8, "cabinet:file", _("Everything you hold on me")),
    cabinet.Link(18, "cabinet:looked", _("Who looked at my record")),
    cabinet.Link(25, "cabinet:letters", _("Letters to me"), more=True),
    cabinet.Link(40, "cabinet:contacts", _("My phone and e-mail"), more=True),
    cabinet.Link(45, "cabinet:language", _("Language of my letters"), more=True),
    cabinet.Link(50, "cabinet:sessions", _("Where I am signed in"), more=True),
    cabinet.Link(55, "cabinet:represent", _("I act for somebody else"), more=True),
    cabinet.Link(60, "cabinet:not-me", _("This is not me"), more=True),
    cabinet.Link(70, "cabinet:help", _("Help"), more=True),
]
