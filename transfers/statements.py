"""The one statement that fetches everything the gate looks at (DESIGN 6). Two of them: for now, and for the past.

Ids, codes and states come out, nothing of a person beyond them. For the past, rows with a range are asked for that
moment; what has none is read from its history, and consents from their events.
"""

# ruff: noqa: S608  every piece put together is written here; what is asked comes as parameters
from consent.scope_words import ASKED_ANEW
from subjects.obligations import OBLIGATION_OPEN


def _among(values: object) -> str:
    return ", ".join(f"'{value}'" for value in sorted(str(v) for v in values))  # type: ignore[attr-defined]


_IN_FORCE = "in_force_during @> (SELECT at FROM moment)"
# a person entered later stood then as they were first entered; so did a purpose, on days it is said to be valid
_STANDS = "CASE WHEN {0}blocked_at IS NULL OR {0}standing = 'erased' THEN {0}standing ELSE 'blocked' END"  # ADR 21
_SUBJECT = {
    False: f"SELECT id, {_STANDS.format('')} AS standing FROM subjects_datasubject WHERE reference = %(subject)s",
    True: f"""
        SELECT d.id, COALESCE(
            (SELECT {_STANDS.format("h.")} FROM subjects_historicaldatasubject h WHERE h.id = d.id
                AND h.history_date <= (SELECT at FROM moment) ORDER BY h.history_date DESC, h.history_id DESC LIMIT 1),
            (SELECT {_STANDS.format("h.")} FROM subjects_historicaldatasubject h WHERE h.id = d.id
             ORDER BY h.history_date, h.history_id LIMIT 1)) AS standing
        FROM subjects_datasubject d WHERE d.reference = %(subject)s""",
}
_VALID = "valid_from <= (SELECT day FROM moment) AND ({0}valid_to IS NULL OR {0}valid_to >= (SELECT day FROM moment))"
_SAID = "id, ground, required, open_ended, valid_from, valid_to"
_PURPOSE = {
    False: f"SELECT {_SAID}, {_VALID.format('')} AS in_force FROM consent_purpose WHERE code = %(purpose)s",
    True: f"""
        SELECT p.id, t.ground, t.required, t.open_ended, t.{_VALID.format("t.")} AS in_force
        FROM consent_purpose p JOIN LATERAL (
            SELECT h.* FROM consent_historicalpurpose h WHERE h.id = p.id
                AND (h.history_date <= (SELECT at FROM moment) OR h.{_VALID.format("h.")})
            ORDER BY h.history_date <= (SELECT at FROM moment) DESC,
                CASE WHEN h.history_date <= (SELECT at FROM moment) THEN h.history_date END DESC,
                CASE WHEN h.history_date <= (SELECT at FROM moment) THEN h.history_id END DESC,
                h.history_date, h.history_id LIMIT 1) t ON true
        WHERE p.code = %(purpose)s""",
}
_WORDS = """
    'purpose', EXISTS (SELECT 1 FROM consent_formitem i WHERE i.version_id = e.version_id
        AND i.purpose_id = (SELECT id FROM purpose) AND {named}),
    'recipient', EXISTS (SELECT 1 FROM consent_formitem i WHERE i.version_id = e.version_id
        AND i.recipient_kind = (SELECT kind FROM recipient) AND {named}),
    'categories', COALESCE((SELECT jsonb_agg(c.code ORDER BY c.code) FROM consent_formitem i
        JOIN subjects_datacategory c ON c.id = i.category_id
        WHERE i.version_id = e.version_id AND c.code = ANY(%(categories)s::text[]) AND {named}), '[]')
""".format(
    named="CASE e.language WHEN 'kk' THEN i.text_kk <> '' WHEN 'ru' THEN i.text_ru <> ''"
    " WHEN 'en' THEN i.text_en <> '' ELSE false END"
)
_EVENT = (
    f"'version', e.version_id, 'language', e.language, 'channel', e.channel, 'trust', e.trust, 'kind', e.kind, {_WORDS}"
)
# what a rule in force asks for, and the consent to a transfer abroad
_FORMS = "(SELECT form_id FROM rule UNION SELECT id FROM consent_consentform WHERE code = 'C10')"
_STATES = (
    "SELECT s.id, s.form_id, s.scope, s.state, s.until, s.given_id, s.last_id FROM consent_consentstate s"
    f" WHERE s.subject_id = (SELECT id FROM subject) AND s.form_id IN {_FORMS}"
)
_CONSENTS = {
    False: f"""
        SELECT jsonb_agg(jsonb_build_object('state_id', s.id, 'form', f.code, 'scope', s.scope, 'state', s.state,
            'until', s.until, 'given', s.given_id, 'last', s.last_id, {_EVENT}) ORDER BY s.id)
        FROM held s JOIN consent_consentform f ON f.id = s.form_id
        LEFT JOIN consent_consentevent e ON e.id = s.given_id""",
    True: f"""
        SELECT jsonb_agg(jsonb_build_object('id', e.id, 'form', f.code, 'scope', e.scope,
            'occurred_at', e.occurred_at, 'valid_until', e.valid_until, {_EVENT}) ORDER BY e.occurred_at, e.id)
        FROM consent_consentevent e JOIN consent_consentform f ON f.id = e.form_id
        WHERE e.subject_id = (SELECT id FROM subject) AND e.form_id IN {_FORMS}
            AND e.occurred_at <= (SELECT at FROM moment)""",
}


def _loan(table: str, states: str, past: bool, condition: str = "") -> str:
    if not past:
        return (
            f"SELECT jsonb_agg(jsonb_build_object('id', t.id, 'state', t.state) ORDER BY t.id) FROM subjects_{table} t"
            f" WHERE t.subject_id = (SELECT id FROM subject) AND t.state IN ({states}) {condition}"
        )
    return f"""
        SELECT jsonb_agg(jsonb_build_object('id', t.id, 'state', t.state) ORDER BY t.id) FROM (
            SELECT DISTINCT ON (h.id) h.* FROM subjects_historical{table} h
            WHERE h.subject_id = (SELECT id FROM subject) AND h.history_date <= (SELECT at FROM moment)
            ORDER BY h.id, h.history_date DESC, h.history_id DESC) t
        WHERE t.state IN ({states}) AND t.history_type <> '-' {condition}"""


_PERMITTED = """EXISTS (
    SELECT 1 FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = 'transfers' AND p.codename = %(permission)s AND (
        EXISTS (SELECT 1 FROM staff_staffuser_user_permissions up
                WHERE up.permission_id = p.id AND up.staffuser_id = u.id)
        OR EXISTS (SELECT 1 FROM auth_group_permissions gp JOIN staff_staffuser_groups ug ON ug.group_id = gp.group_id
                   WHERE gp.permission_id = p.id AND ug.staffuser_id = u.id)))"""
_UNDERTAKING = """NOT EXISTS (
    SELECT 1 FROM (SELECT id FROM staff_undertaking ORDER BY version DESC LIMIT 1) n WHERE NOT EXISTS (
        SELECT 1 FROM staff_undertakingacceptance a WHERE a.user_id = u.id AND a.undertaking_id = n.id))"""
# always of now: a question about the past is asked today
_ACTOR = f"""
    SELECT CASE split_part(a.name, ':', 1)
        WHEN 'officer' THEN (SELECT jsonb_build_object('kind', 'officer', 'id', u.id, 'active', u.is_active,
            'permitted', {_PERMITTED}, 'undertaking', {_UNDERTAKING})
            FROM staff_staffuser u WHERE u.id = substring(a.name FROM '^officer:([0-9]+)$')::bigint)
        WHEN 'api' THEN (SELECT jsonb_build_object('kind', 'api', 'id', k.id,
            'active', k.revoked_at IS NULL AND k.expires_at > clock_timestamp(),
            'permitted', k.scopes && %(scopes)s::text[]::varchar[])
            FROM staff_apiclient k WHERE k.code = substr(a.name, 5))
        ELSE jsonb_build_object('kind', split_part(a.name, ':', 1)) END
    FROM (SELECT {{name}} AS name) a"""
_SET = "coalesce(current_setting('kelisim.actor', true), '')"


def _link(app: str, model: str, past: bool, condition: str) -> str:
    """Clauses that links of a version in force lead to; a link made since was not there, one removed since was."""
    links = f"{app}_{model}"
    if past:
        links = f"""(
            SELECT DISTINCT ON (h.id) h.* FROM {app}_historical{model} h
            WHERE h.history_date <= (SELECT at FROM moment)
            ORDER BY h.id, h.history_date DESC, h.history_id DESC)"""
        condition = f"({condition}) AND l.history_type <> '-'"
    return f"""
        SELECT jsonb_agg(jsonb_build_object('link', l.id, 'clause', c.id, 'version', v.id) ORDER BY v.id, l.id)
        FROM {links} l JOIN version v ON v.policy_id = l.policy_id
        JOIN policies_clause c ON c.version_id = v.id AND c.key = l.clause_key WHERE {condition}"""


def statement(*, past: bool, lock: bool = False) -> str:
    """The statement; lock: the consent's rows are locked FOR SHARE, so that a withdrawal under way is waited for.

    It takes who asks as a value, for it only reads; with a lock a row is written next, and the actor is set by then.
    """
    actor = _ACTOR.format(name=_SET if lock else f"coalesce(%(actor)s::text, {_SET})")
    held = "" if past else f", held AS MATERIALIZED ({_STATES} {'ORDER BY s.id FOR SHARE OF s' if lock else ''})"
    day = "(at AT TIME ZONE 'Asia/Almaty')::date AS day"
    made = "AND k.opened_at <= (SELECT at FROM moment)" if past else ""
    anew = f"AND NOT EXISTS (SELECT 1 FROM subjects_contract k WHERE k.application_id = t.id {made})"
    of_purpose = _link("consent", "clauselink", past, "l.purpose_id = (SELECT id FROM purpose)")
    of_recipient = _link(
        "transfers",
        "recipientclause",
        past,
        "l.recipient_id = (SELECT id FROM recipient) OR l.kind = (SELECT kind FROM recipient)",
    )
    return f"""
WITH moment AS MATERIALIZED (
    SELECT at, {day} FROM (SELECT COALESCE(%(at)s::timestamptz, clock_timestamp()) AS at) m),
subject AS MATERIALIZED ({_SUBJECT[past]}),
purpose AS MATERIALIZED ({_PURPOSE[past]}),
recipient AS MATERIALIZED (SELECT id, kind, country FROM transfers_recipient WHERE code = %(recipient)s),
rule AS MATERIALIZED (
    SELECT r.* FROM transfers_transferrule r WHERE r.recipient_id = (SELECT id FROM recipient)
        AND r.purpose_id = (SELECT id FROM purpose) AND r.direction = %(direction)s AND r.{_IN_FORCE}),
version AS MATERIALIZED (
    SELECT id, policy_id FROM policies_policyversion WHERE state = 'published' AND {_IN_FORCE}){held}
SELECT jsonb_build_object(
    'subject', (SELECT jsonb_build_object('id', id, 'standing', standing) FROM subject),
    'purpose', (SELECT jsonb_build_object('id', id, 'ground', ground, 'required', required, 'open_ended', open_ended,
        'in_force', in_force) FROM purpose),
    'recipient', (SELECT jsonb_build_object('id', id, 'kind', kind, 'country', country) FROM recipient),
    'policies', COALESCE((SELECT jsonb_agg(id ORDER BY policy_id) FROM version), '[]'),
    'declared', COALESCE(({of_purpose}), '[]'),
    'recipient_declared', COALESCE(({of_recipient}), '[]'),
    'known', COALESCE((SELECT jsonb_agg(code ORDER BY code) FROM subjects_datacategory
        WHERE code = ANY(%(categories)s::text[])), '[]'),
    'matrix', COALESCE((SELECT jsonb_agg(DISTINCT c.code ORDER BY c.code) FROM consent_purposecategory m
        JOIN subjects_datacategory c ON c.id = m.category_id
        WHERE m.purpose_id = (SELECT id FROM purpose) AND c.code = ANY(%(categories)s::text[])
            AND m.{_IN_FORCE}), '[]'),
    'rules', COALESCE((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'ground', r.ground, 'form', f.code,
        'scope_kind', f.scope_kind, 'written', r.written, 'article', r.article, 'on_demand', r.on_demand,
        'sanction', r.sanction, 'disclosure', r.disclosure, 'categories', r.categories) ORDER BY r.id)
        FROM rule r LEFT JOIN consent_consentform f ON f.id = r.form_id), '[]'),
    'agreements', COALESCE((SELECT jsonb_agg(jsonb_build_object('id', a.id,
        'in_force', a.{_IN_FORCE}, 'valid', a.{_VALID.format("a.")},
        'confidential', a.confidentiality <> '', 'categories', a.categories) ORDER BY a.id)
        FROM transfers_agreement a WHERE a.recipient_id = (SELECT id FROM recipient)
            AND lower(a.in_force_during) <= (SELECT at FROM moment)), '[]'),
    'country', (SELECT jsonb_build_object('id', c.id, 'adequate', c.adequate) FROM transfers_country c
        WHERE c.code = (SELECT country FROM recipient) AND c.{_IN_FORCE} LIMIT 1),
    'objection', (SELECT o.id FROM consent_objection o WHERE o.subject_id = (SELECT id FROM subject)
        AND o.purpose_id = (SELECT id FROM purpose) AND o.{_IN_FORCE} LIMIT 1),
    'consents', COALESCE(({_CONSENTS[past]}), '[]'),
    'applications', COALESCE(({_loan("application", _among(ASKED_ANEW), past, anew)}), '[]'),
    'contracts', COALESCE(({_loan("contract", _among(OBLIGATION_OPEN), past)}), '[]'),
    'shadow', (SELECT m.id FROM transfers_shadowmode m
        WHERE m.{_IN_FORCE} AND m.ends_at > (SELECT at FROM moment) LIMIT 1),
    'late_demand', COALESCE(%(request_date)s::date > (SELECT day FROM moment), false),
    'actor', ({actor}))"""
