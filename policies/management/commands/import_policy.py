import json
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit.actor import acting_as, command_actor
from policies.enums import ClauseKind
from policies.markdown import BadPolicyFile
from policies.models import Policy, PolicyVersion
from policies.services import SourceFile, import_version
from policies.triggers import IN_THE_NAME_OF
from staff.models import StaffUser


class Command(BaseCommand):
    help = "Import a policy from numbered Markdown, a file a language, as its next draft."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="code of the policy; made when it is new")
        parser.add_argument("--ru", required=True, type=Path, metavar="FILE")
        parser.add_argument("--kk", required=True, type=Path, metavar="FILE")
        parser.add_argument("--en", type=Path, metavar="FILE")
        parser.add_argument(
            "--by", metavar="USERNAME", help="the officer in whose name it is done; they cannot approve it"
        )
        parser.add_argument("--note", default="", help="a note for colleagues")
        parser.add_argument("--replace-draft", action="store_true", help="replace the draft that exists")
        parser.add_argument("--json", action="store_true", help="print clauses and findings as JSON")

    def handle(self, *args: object, **options: object) -> None:
        files = {}
        for language in ("kk", "ru", "en"):
            if options[language] is None:
                continue
            path = Path(options[language])
            try:
                files[language] = SourceFile(path.name, path.read_bytes())
            except OSError as error:
                raise CommandError(f"--{language}: {path}: {error.strerror}") from error
        by = None
        if options["by"]:
            by = StaffUser.objects.filter(username=options["by"], is_active=True).first()
            if by is None:
                raise CommandError(f"--by: there is no active member of staff {options['by']!r}.")
        # the shell proves who runs it, and only says for whom; four eyes take it at its word
        reason = f"{IN_THE_NAME_OF}{by.pk}" if by else ""
        with acting_as(command_actor("import_policy"), reason=reason):
            try:
                version = self._import(options, files, by)
            except BadPolicyFile as error:
                lines = "\n".join(str(problem) for problem in error.problems)
                raise CommandError(f"The files cannot be imported:\n{lines}") from error
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(version), ensure_ascii=False, indent=1))
        else:
            self.stdout.write(
                f"{version.policy.code} v{version.number}: {version.clauses.count()} clauses,"
                f" {version.findings.count()} findings"
            )

    def _import(self, options: dict, files: dict[str, SourceFile], by: StaffUser | None) -> PolicyVersion:
        with transaction.atomic():
            policy = Policy.objects.filter(code=options["code"]).first()
            if made := policy is None:
                policy = Policy(code=options["code"], title_ru=options["code"])
                policy.clean_fields(exclude=["title", "title_kk", "title_en"])
                policy.save()
            version = import_version(
                policy=policy, files=files, by=by, note=options["note"], replace_draft=options["replace_draft"]
            )
            if made:
                _name(policy, version)
            return version


def _name(policy: Policy, version: PolicyVersion) -> None:
    """A new policy is called what its texts are headed."""
    heading = version.clauses.filter(kind=ClauseKind.HEADING, number="", parent_key="").first()
    if heading is None:
        return
    for language in ("kk", "ru", "en"):
        setattr(policy, f"title_{language}", " ".join(heading.text(language).split())[:200])
    policy.title_ru = policy.title_ru or policy.code
    policy.save()


def _as_json(version: PolicyVersion) -> dict:
    return {
        "policy": version.policy.code,
        "version": version.number,
        "clauses": [
            {
                "key": clause.key,
                "number": clause.number,
                "kind": clause.kind,
                "ru": clause.text_ru,
                "kk": clause.text_kk,
                **({"en": clause.text_en} if clause.text_en else {}),
            }
            for clause in version.clauses.order_by("order")
        ],
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity,
                "clause": finding.clause_key,
                "languages": finding.languages,
                "message": finding.message,
            }
            for finding in version.findings.all()
        ],
    }
