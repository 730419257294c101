from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    name = "consent"
    verbose_name = _("Consent")

    def ready(self) -> None:
        from audit.history import track
        from audit.names import REASONS
        from consent import (
            acts,
            drafting,
            feed,
            ledger,
            letters,
            majority,
            models,
            on_request,
            paper,
            signing,
            stopping,
        )
        from notifications import ports as outbox
        from subjects import ports

        for model in (
            models.Purpose,
            models.PurposeEdition,
            models.PurposeCategory,
            models.ClauseLink,
            models.DataList,
            models.DataListEntry,
            models.RetentionRule,
            models.ConsentForm,
            models.ConsentFormVersion,
            models.FormItem,
            models.Objection,
        ):
            track(model)
        for kind in letters.KINDS:
            outbox.register(kind)
        told = (*paper.WithdrawalReason, *paper.DeclineReason, *paper.ScanReason, *drafting.SendBackReason)
        REASONS.update({reason.value: reason.label for reason in told})
        REASONS[acts.PERFORMED] = _("the obligation is performed")
        REASONS[acts.KNOWN_TWICE] = _("said in another file of the same person")
        REASONS["term"] = _("the term has passed")
        REASONS[majority.REASON] = _("the person came of age")
        REASONS[stopping.STOPPED] = _("the consent to processing was withdrawn or ended")
        REASONS[stopping.RESUMED] = _("the consent to processing was given")
        REASONS[on_request.REQUESTED] = _("at the person's request")
        ports.execute_request.update(on_request.HANDLERS)
        ports.answer_words.update(on_request.WORDS)
        ports.choices_of.update(on_request.CHOICES)
        ports.codes_of.update(on_request.CODES)
        ports.on_obligation_ended.append(lambda contract: ledger.release(subject=contract.subject))
        # how a key is wrapped is no history: an old wrapping would outlive its key-encryption key
        track(models.ReceiptKey, exclude=["kek_version", "wrapped"])
        ports.on_keys_rotated.append(signing.rewrap)
        track(models.Subscriber, exclude=["nonce", "sent", "sent_at", "failures", "due_at", "error"])
        ports.on_came_of_age.append(majority.ask_anew)
        ports.on_standing_changed.extend((stopping.stop_again, feed.tell_standing))
        # how far it is changes every second: the page reads it, history need not
        track(models.ConsentImport, exclude=["sealed_file", "rows_done"])
