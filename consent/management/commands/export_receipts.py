from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.actor import acting_as, command_actor
from audit.models import AccessRecord
from consent import receipts, signing
from consent.receipt_pdf import pdf
from subjects import search
from subjects.models import DataSubject


class Command(BaseCommand):
    help = "Write every receipt of a person's consents and the public keys into a folder, for verify_receipt.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subject", required=True, metavar="REF", help="reference, as S-000481, or public id")
        parser.add_argument("--out", required=True, metavar="DIR", type=Path)
        parser.add_argument("--pdf", action="store_true", help="a PDF beside each JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            subject = search.by_reference(options["subject"])
        except DataSubject.DoesNotExist:
            raise CommandError(f"Nobody has the reference {options['subject']}.") from None
        out: Path = options["out"]
        lost, written = [], 0
        with acting_as(command_actor("export_receipts")):
            events = list(receipts.events_with_receipts().filter(subject=subject))
            AccessRecord.objects.create(
                door=AccessRecord.Door.JOB, reference=str(subject), category="consent.receipt",
                reason="export_receipts", count=len(events),
            )  # fmt: skip
            try:
                out.mkdir(parents=True, exist_ok=True)
                (out / "keys.json").write_text(receipts.as_file(signing.published()), encoding="utf-8")
                for event in events:
                    try:
                        receipt = receipts.receipt(event)
                    except receipts.Unprovable:
                        lost.append(str(event.public_id))
                        continue
                    name = receipts.file_name(event, "json")
                    (out / name).write_text(receipts.as_file(receipt), encoding="utf-8")
                    if options["pdf"]:
                        (out / name).with_suffix(".pdf").write_bytes(pdf(event, receipt))
                    written += 1
            except OSError as error:
                raise CommandError(f"{out} cannot be written: {error.strerror}.") from None
            except signing.NoKey as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{written} receipts and keys.json in {out}.")
        if lost:
            raise CommandError(f"Texts that were shown cannot be made again for {len(lost)}: {', '.join(lost)}.")
